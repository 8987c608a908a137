import {
  type CreatorLimits,
  captionFits,
  describeViolation,
  maxCaptionLength,
} from '../../../machines/rules/post-violation.ts'
import { defaultPostSettings, type PostSettings, type SlotContent } from '../../store/plan/slots.ts'
import type { FieldIssue } from '../refusal.ts'
import { problemOfCover } from './cover.ts'
import { creatorViolations } from './creator-rules.ts'
import { type ContentInput, type KnownMedia, type ReadContent, readContent } from './slot-content.ts'
import { instantOf } from './wall-time.ts'

/** A slot as a client writes it. Privacy has no default, because a wrong guess would show a post to the wrong people. */
export interface SlotInput extends PostSettings {
  readonly wallTime: string
  readonly content: ContentInput
}

/**
 * Validates a slot, also against the known rules of its creator. `path` is the slot's path in the input, such as `slots.3`; `media`
 * are the media that exist of those that contents name; `now` is in epoch milliseconds. Returns every mistake.
 */
export function validateSlot(
  slot: SlotInput,
  context: {
    readonly path: string
    readonly timeZone: string
    readonly creator: CreatorLimits | null
    readonly media: ReadonlyMap<string, KnownMedia>
    readonly now: number
  },
):
  | { readonly kind: 'ok'; readonly content: SlotContent }
  | { readonly kind: 'invalid'; readonly fields: FieldIssue[] } {
  const { path, timeZone, creator, media, now } = context
  const fields: FieldIssue[] = []
  const at = (field: string) => (path === '' ? field : `${path}.${field}`)
  const addIssue = (field: string, message: string) => fields.push({ path: at(field), message })

  const resolved = instantOf(slot.wallTime, timeZone)
  if (resolved.kind === 'invalid') addIssue('wallTime', resolved.message)
  else if (resolved.at.getTime() <= now) addIssue('wallTime', `is in the past in ${timeZone}`)

  const read = readContent(slot.content, media)
  for (const [field, message] of read.kind === 'invalid' ? read.mistakes : []) addIssue(field, message)
  for (const [field, message] of slot.mode === 'draft' ? ignoredByDrafts(slot) : mistakesOfPost(slot, read))
    addIssue(field, message)
  // The duration of an invalid content is unknown.
  const { seconds, path: contentPath } = read.kind === 'ok' ? read : { seconds: 0, path: '' }
  for (const violation of creatorViolations(creator, { ...slot, seconds, isGenerated: true }))
    addIssue(violation.rule === 'duration' ? contentPath : violation.field, describeViolation(violation))

  if (fields.length > 0 || resolved.kind === 'invalid' || read.kind === 'invalid')
    return { kind: 'invalid', fields }
  const { wallTime, at: publishAt, tzdataVersion } = resolved
  const { content: _, ...settings } = slot
  const { storyboard, mediaId } = read
  const isAigc = isAigcOf(slot, read)
  return {
    kind: 'ok',
    content: { ...settings, isAigc, wallTime, publishAt, tzdataVersion, storyboard, mediaId },
  }
}

/** What we made is labelled. Of other videos only the planner knows, and of a draft its creator says it in the app. */
function isAigcOf(
  { mode, isAigc }: SlotInput,
  { isGenerated }: { readonly isGenerated: boolean },
): boolean | null {
  if (isGenerated) return true
  return mode === 'draft' ? null : isAigc
}

type Mistake = readonly [field: string, message: string]

function mistakesOfPost(slot: SlotInput, content: ReadContent): readonly Mistake[] {
  const { caption, privacy, brandContent, isAigc, coverTimestampMs } = slot
  const mistakes: Mistake[] = []
  if (!captionFits(caption)) {
    const violation = { rule: 'caption', value: caption.length, limit: maxCaptionLength } as const
    mistakes.push(['caption', describeViolation(violation)])
  }
  if (privacy === null) mistakes.push(['privacy', 'must be set for a direct post: it has no default'])
  if (brandContent && privacy === 'SELF_ONLY')
    mistakes.push(['privacy', 'must not be SELF_ONLY for a paid partnership: TikTok refuses that'])
  if (isGeneratedOf(slot, content) === true && isAigc === false)
    mistakes.push(['isAigc', 'must be true: the video is generated, and TikTok requires the label for it'])
  if (isGeneratedOf(slot, content) === false && isAigc === null)
    mistakes.push(['isAigc', 'must be stated: true if AI made the video or parts of it, otherwise false'])
  const problem = problemOfCover(coverTimestampMs, content.kind === 'ok' ? content.seconds : null)
  if (problem !== null) mistakes.push(['coverTimestampMs', problem])
  return mistakes
}

/** Null for a media that cannot be used: where it came from does not matter. */
function isGeneratedOf({ content }: SlotInput, read: ReadContent): boolean | null {
  if (read.kind === 'ok') return read.isGenerated
  return content.kind === 'storyboard' ? true : null
}

/** TikTok accepts none of these for a draft. Dropping them silently would post something else than was planned. */
function ignoredByDrafts(slot: SlotInput): readonly Mistake[] {
  const message =
    'cannot be set for a draft: its creator chooses it in the app. Leave it out, or use direct mode'
  const given = { ...slot, isAigc: slot.isAigc ?? defaultPostSettings.isAigc }
  return Object.entries(defaultPostSettings).flatMap(([field, value]): Mistake[] =>
    field === 'mode' || given[field as keyof PostSettings] === value ? [] : [[field, message]],
  )
}
