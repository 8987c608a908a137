import type { Failure } from '../../machines/rules/failure.ts'
import { verdictFor } from './failure-verdict.ts'
import type { VerdictSource } from './verdict-row.ts'

/** Matches a line of a stack trace or a file path. */
const ofPrograms = /\n\s+at |file:\/\/|(^|[\s'"`(=])(\/[\w.@-]+){2,}|[A-Za-z]:\\/

/**
 * The message of a failure for people. A message that contains a stack trace or a path is replaced by the meaning of its code.
 * This is the last guard before the API; it also covers the failures that older versions stored.
 */
export function plainMessage({
  code,
  message,
  source,
}: Pick<Failure, 'code' | 'message' | 'source'>): string {
  if (!ofPrograms.test(message)) return message
  // The source may be one that only a newer version knows.
  return verdictFor((source ?? 'reelpilot') as VerdictSource, code).verdict.meaning
}
