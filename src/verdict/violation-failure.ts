import type { Failure } from '../../machines/rules/failure.ts'
import { describeViolation, type PostViolation } from '../../machines/rules/post-violation.ts'
import { verdictFor } from './failure-verdict.ts'

const subjects: Readonly<Record<PostViolation['rule'], string>> = {
  caption: 'The caption',
  duration: 'The video',
  privacyMissing: 'The privacy level',
  privacyLevel: 'The privacy level',
  comment: 'Comments',
  duet: 'Duets',
  stitch: 'Stitches',
  brandedPrivate: 'The privacy level:',
}

/** The failure of a post that breaks rules: the message names all of them, code and verdict are of the first. Null if none. */
export function violationFailure(violations: readonly PostViolation[]): Failure | null {
  const [first] = violations
  if (!first) return null
  const code = `POST_${first.rule.toUpperCase()}`
  const { verdict } = verdictFor('reelpilot', code)
  const message = violations.map((each) => `${subjects[each.rule]} ${describeViolation(each)}.`).join(' ')
  return { verdict: verdict.verdict, code, message }
}
