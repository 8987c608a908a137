import { instantOf } from '../planning/wall-time.ts'
import type { SlotContent } from '../store/slot-store.ts'
import type { Privacy } from '../store/tables.ts'
import { parseStoryboard } from '../storyboard/storyboard.ts'
import type { FieldIssue } from './refusal.ts'

/** A slot as a client writes it. Privacy has no default: who may see a post is nobody's guess. */
export interface SlotBrief {
  readonly wallTime: string
  readonly storyboard?: unknown
  readonly caption: string
  readonly privacy: Privacy
  readonly allowComment: boolean
  readonly allowDuet: boolean
  readonly allowStitch: boolean
  readonly brandContent: boolean
  readonly brandOrganic: boolean
}

/** TikTok's limit for the caption of a video, in UTF-16 code units. */
export const captionLimit = 2_200

/** Checks a brief in full. `path` is where it stands in the input, such as `slots.3`; `now` in epoch milliseconds. */
export function readBrief(
  brief: SlotBrief,
  { path, timeZone, now }: { readonly path: string; readonly timeZone: string; readonly now: number },
):
  | { readonly kind: 'ok'; readonly content: SlotContent }
  | { readonly kind: 'invalid'; readonly fields: FieldIssue[] } {
  const fields: FieldIssue[] = []
  const at = (field: string) => (path === '' ? field : `${path}.${field}`)
  const blame = (field: string, message: string) => fields.push({ path: at(field), message })

  const meaning = instantOf(brief.wallTime, timeZone)
  if (meaning.kind === 'invalid') blame('wallTime', meaning.message)
  else if (meaning.at.getTime() <= now) blame('wallTime', `is in the past in ${timeZone}`)

  const parsed = parseStoryboard(brief.storyboard)
  if (parsed.kind === 'invalid') {
    for (const issue of parsed.issues) {
      blame(issue.path === '' ? 'storyboard' : `storyboard.${issue.path}`, issue.message)
    }
  }

  if (brief.caption.length > captionLimit) {
    blame(
      'caption',
      `is ${brief.caption.length} UTF-16 code units long; TikTok takes at most ${captionLimit}`,
    )
  }
  if (brief.brandContent && brief.privacy === 'SELF_ONLY') {
    blame('privacy', 'TikTok does not take paid partnerships that only their creator can see')
  }

  if (fields.length > 0 || meaning.kind === 'invalid' || parsed.kind === 'invalid')
    return { kind: 'invalid', fields }
  const { wallTime, at: publishAt } = meaning
  return { kind: 'ok', content: { ...brief, wallTime, publishAt, storyboard: parsed.storyboard } }
}
