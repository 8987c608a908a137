import {
  type CreatorLimits,
  captionFits,
  describeViolation,
  maxCaptionLength,
} from '../../../machines/rules/post-violation.ts'
import { defaultPostSettings, type PostSettings, type SlotContent } from '../../store/plan/slots.ts'
import { parseStoryboard } from '../../storyboard/parse-storyboard.ts'
import { secondsOf } from '../../storyboard/storyboard.ts'
import type { FieldIssue } from '../refusal.ts'
import { problemOfCover } from './cover.ts'
import { creatorViolations } from './creator-rules.ts'
import { instantOf } from './wall-time.ts'

/** A slot as a client writes it. Privacy has no default, because a wrong guess would show a post to the wrong people. */
export interface SlotInput extends Omit<PostSettings, 'isAigc'> {
  readonly wallTime: string
  /** Null if it is not stated. What we generated is labelled as made by AI, and must not be stated otherwise. */
  readonly isAigc: boolean | null
  readonly storyboard?: unknown
}

/**
 * Validates a slot, also against the known rules of its creator. `path` is the slot's path in the input, such as `slots.3`;
 * `now` is in epoch milliseconds. Returns every mistake.
 */
export function validateSlot(
  slot: SlotInput,
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
  const addIssue = (field: string, message: string) => fields.push({ path: at(field), message })

  const resolved = instantOf(slot.wallTime, timeZone)
  if (resolved.kind === 'invalid') addIssue('wallTime', resolved.message)
  else if (resolved.at.getTime() <= now) addIssue('wallTime', `is in the past in ${timeZone}`)

  const parsed = parseStoryboard(slot.storyboard)
  if (parsed.kind === 'invalid') {
    for (const issue of parsed.issues) {
      addIssue(issue.path === '' ? 'storyboard' : `storyboard.${issue.path}`, issue.message)
    }
  }

  // The duration of an invalid storyboard is unknown.
  const seconds = parsed.kind === 'ok' ? secondsOf(parsed.storyboard) : null
  for (const [field, message] of slot.mode === 'draft'
    ? ignoredByDrafts(slot)
    : mistakesOfPost(slot, seconds))
    addIssue(field, message)
  for (const violation of creatorViolations(creator, { ...slot, seconds: seconds ?? 0 }))
    addIssue(violation.field, describeViolation(violation))

  if (fields.length > 0 || resolved.kind === 'invalid' || parsed.kind === 'invalid')
    return { kind: 'invalid', fields }
  const { wallTime, at: publishAt, tzdataVersion } = resolved
  const content = { ...slot, isAigc: true, wallTime, publishAt, tzdataVersion, storyboard: parsed.storyboard }
  return { kind: 'ok', content }
}

type Mistake = readonly [field: string, message: string]

function mistakesOfPost(slot: SlotInput, seconds: number | null): readonly Mistake[] {
  const { caption, privacy, brandContent, isAigc, coverTimestampMs } = slot
  const mistakes: Mistake[] = []
  if (!captionFits(caption)) {
    const violation = { rule: 'caption', value: caption.length, limit: maxCaptionLength } as const
    mistakes.push(['caption', describeViolation(violation)])
  }
  if (privacy === null) mistakes.push(['privacy', 'must be set for a direct post: it has no default'])
  if (brandContent && privacy === 'SELF_ONLY')
    mistakes.push(['privacy', 'must not be SELF_ONLY for a paid partnership: TikTok refuses that'])
  if (isAigc === false)
    mistakes.push(['isAigc', 'must be true: the video is generated, and TikTok requires the label for it'])
  const problem = problemOfCover(coverTimestampMs, seconds)
  if (problem !== null) mistakes.push(['coverTimestampMs', problem])
  return mistakes
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
