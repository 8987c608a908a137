import type { Failure } from '../../machines/rules/failure.ts'
import { verdictFor } from './failure-verdict.ts'
import type { VerdictSource } from './verdict-row.ts'

/** A line of a stack, or a path of a machine: what a program says to those who run it. */
const ofPrograms = /\n\s+at |file:\/\/|(^|[\s'"`(=])(\/[\w.@-]+){2,}|[A-Za-z]:\\/

/**
 * What people are shown of a failure: its message, unless that has a stack or a path in it; then what its code means. The last
 * guard before the API, also for what older versions have kept: whoever writes a message has no business with either.
 */
export function plainMessage({
  code,
  message,
  source,
}: Pick<Failure, 'code' | 'message' | 'source'>): string {
  if (!ofPrograms.test(message)) return message
  // A source that this version does not know takes the words of the safest class.
  return verdictFor((source ?? 'reelpilot') as VerdictSource, code).verdict.meaning
}
