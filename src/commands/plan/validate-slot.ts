import {
  type CreatorLimits,
  captionFits,
  describeViolation,
  maxCaptionLength,
} from '../../../machines/rules/post-violation.ts'
import type { SlotContent } from '../../store/plan/slots.ts'
import type { Privacy, SlotMode } from '../../store/plan/tables.ts'
import { parseStoryboard } from '../../storyboard/parse-storyboard.ts'
import { secondsOf } from '../../storyboard/storyboard.ts'
import type { FieldIssue } from '../refusal.ts'
import { creatorViolations } from './creator-rules.ts'
import { instantOf } from './wall-time.ts'

/**
 * A slot as a client writes it. Privacy has no default: who may see a post is nobody's guess. Of a draft nothing is written
 * that its creator writes in the app.
 */
export interface SlotInput {
  readonly wallTime: string
  readonly storyboard?: unknown
  readonly mode: SlotMode
  readonly caption: string
  readonly privacy: Privacy | null
  readonly allowComment: boolean
  readonly allowDuet: boolean
  readonly allowStitch: boolean
  readonly brandContent: boolean
  readonly brandOrganic: boolean
  readonly isAigc: boolean
}

/**
 * Checks a brief in full, by what is known of its creator too. `path` is where it stands in the input, such as `slots.3`; `now`
 * in epoch milliseconds.
 */
export function validateSlot(
  brief: SlotInput,
  context: {
    readonly path: string
    readonly timeZone: string
    readonly creator: CreatorLimits | null
    readonly now: number
  },
):
  | { readonly kind: 'ok'; readonly content: SlotContent }
  | { readonly kind: 'invalid'; readonly fields: FieldIssue[] } {
  const { path, timeZone, creator, now } = context
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

  for (const [field, message] of brief.mode === 'draft' ? ignoredByDrafts(brief) : mistakesOfPost(brief))
    blame(field, message)
  // Of a storyboard that is wrong nobody knows how long its video will be.
  const seconds = parsed.kind === 'ok' ? secondsOf(parsed.storyboard) : 0
  for (const violation of creatorViolations(creator, { ...brief, seconds }))
    blame(violation.field, describeViolation(violation))

  if (fields.length > 0 || meaning.kind === 'invalid' || parsed.kind === 'invalid')
    return { kind: 'invalid', fields }
  const { wallTime, at: publishAt, tzdataVersion } = meaning
  const content = { ...brief, wallTime, publishAt, tzdataVersion, storyboard: parsed.storyboard }
  return { kind: 'ok', content }
}

type Mistake = readonly [field: string, message: string]

function mistakesOfPost({ caption, privacy, brandContent }: SlotInput): readonly Mistake[] {
  const mistakes: Mistake[] = []
  if (!captionFits(caption)) {
    const violation = { rule: 'caption', value: caption.length, limit: maxCaptionLength } as const
    mistakes.push(['caption', describeViolation(violation)])
  }
  if (privacy === null)
    mistakes.push(['privacy', 'must be chosen for a direct post: who may see it has no default'])
  if (brandContent && privacy === 'SELF_ONLY')
    mistakes.push(['privacy', 'TikTok does not take paid partnerships that only their creator can see'])
  return mistakes
}

/** TikTok takes none of these with a draft; to drop them silently would post something else than was planned. */
function ignoredByDrafts(brief: SlotInput): readonly Mistake[] {
  const message =
    'does not go along with a draft: its creator chooses it in the app. Leave it out, or post directly'
  const given = {
    caption: brief.caption !== '',
    privacy: brief.privacy !== null,
    allowComment: brief.allowComment,
    allowDuet: brief.allowDuet,
    allowStitch: brief.allowStitch,
    brandContent: brief.brandContent,
    brandOrganic: brief.brandOrganic,
    // Leaving it out means yes.
    isAigc: !brief.isAigc,
  }
  return Object.entries(given).flatMap(([field, isGiven]): Mistake[] => (isGiven ? [[field, message]] : []))
}
