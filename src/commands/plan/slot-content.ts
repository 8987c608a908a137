import type { Tx } from '../../store/database.ts'
import { findMedia } from '../../store/media/media.ts'
import { lockReadyMedia, type ReadyMedia } from '../../store/media/ready-media.ts'
import { parseStoryboard } from '../../storyboard/parse-storyboard.ts'
import { secondsOf } from '../../storyboard/storyboard.ts'

/** What a slot posts, as a client writes it: exactly one of them, or by mistake none or both. */
export type ContentInput =
  | {
      readonly kind: 'storyboard'
      readonly path: 'storyboard' | 'content.storyboard'
      readonly storyboard: unknown
    }
  | { readonly kind: 'media'; readonly mediaId: string }
  | { readonly kind: 'none' | 'both' }

/** A media of the organization: posts may use it, or it is in this state of its machine. */
export type KnownMedia =
  | { readonly kind: 'ready'; readonly media: ReadyMedia }
  | { readonly kind: 'unusable'; readonly state: string }

/** Finds the media of contents, without those that do not exist. Until the transaction ends, no ready one is deleted or converted. */
export async function lockMediaOf(
  tx: Tx,
  organizationId: string,
  contents: readonly ContentInput[],
): Promise<ReadonlyMap<string, KnownMedia>> {
  const ids = contents.flatMap((content) => (content.kind === 'media' ? [content.mediaId] : []))
  if (ids.length === 0) return new Map()
  const ready = await lockReadyMedia(tx, organizationId, ids)
  const known = new Map<string, KnownMedia>(ready.map((media) => [media.id, { kind: 'ready', media }]))
  const others = ids.filter((id) => !known.has(id))
  for (const { id, state } of await findMedia(tx, organizationId, others))
    known.set(id, { kind: 'unusable', state })
  return known
}

type Mistake = readonly [field: string, message: string]

export type ReadContent =
  | {
      readonly kind: 'ok'
      /** The field that its length is reported under. */
      readonly path: string
      readonly storyboard: object | null
      readonly mediaId: string | null
      /** The length of the video. */
      readonly seconds: number
      /** Whether we made the video, now or earlier. */
      readonly isGenerated: boolean
    }
  | { readonly kind: 'invalid'; readonly mistakes: readonly Mistake[] }

/** Validates what a slot posts. Returns every mistake, by its field of the slot. */
export function readContent(content: ContentInput, known: ReadonlyMap<string, KnownMedia>): ReadContent {
  switch (content.kind) {
    case 'none':
      return invalid('content', 'must be given: a storyboard or a media')
    case 'both':
      return invalid('content', 'and storyboard are both given: leave storyboard out')
    case 'storyboard':
      return readStoryboard(content)
    case 'media':
      return readMedia(content.mediaId, known.get(content.mediaId))
  }
}

const invalid = (field: string, message: string): ReadContent => ({
  kind: 'invalid',
  mistakes: [[field, message]],
})

function readStoryboard({ path, storyboard }: Extract<ContentInput, { kind: 'storyboard' }>): ReadContent {
  const parsed = parseStoryboard(storyboard)
  if (parsed.kind === 'ok')
    return {
      kind: 'ok',
      path,
      storyboard: parsed.storyboard,
      mediaId: null,
      seconds: secondsOf(parsed.storyboard),
      isGenerated: true,
    }
  const mistakes = parsed.issues.map(
    (issue): Mistake => [issue.path === '' ? path : `${path}.${issue.path}`, issue.message],
  )
  return { kind: 'invalid', mistakes }
}

const mediaPath = 'content.mediaId'

function readMedia(mediaId: string, known: KnownMedia | undefined): ReadContent {
  if (known?.kind !== 'ready') return invalid(mediaPath, unusable(known?.state))
  const { kind, seconds, origin } = known.media
  if (kind !== 'video') return invalid(mediaPath, `names a media of kind ${kind}: a post needs a video`)
  return {
    kind: 'ok',
    path: mediaPath,
    storyboard: null,
    mediaId,
    seconds,
    isGenerated: origin === 'generated',
  }
}

/** Why posts may not use a media. */
export function unusable(state: string | undefined): string {
  switch (state?.split('.')[0]) {
    case 'deleted':
    case 'purging':
    case 'purged':
      return 'names a deleted media: restore it, or choose another one'
    case 'refused':
      return 'names a media that was refused: its failure says what to do'
    case undefined:
      return 'names no media of this organization'
    default:
      return `names a media that is not ready yet: it is ${state}`
  }
}
