import { UnknownCheckpoint } from '../durable/machine.ts'

/** Why nobody got through with something, as far as the queue knows. */
export interface FailureCause {
  readonly code: 'UNKNOWN_CHECKPOINT' | 'WORKER_ERROR' | 'WORKER_DIED'
  /** For people of the organization: our own words, and of an error its name only, for its message may quote what is secret. */
  readonly message: string
}

/** It had to end, or has ended, in the middle of it. */
export const workerDied: FailureCause = {
  code: 'WORKER_DIED',
  message: 'The worker was not heard of any more: it was killed, or lost its machine or its database.',
}

/** What the queue keeps of an error that a worker threw. The log has the rest. */
export function causeOf(error: unknown): FailureCause {
  // What this one says is all ours: which machine, which state, which version.
  if (error instanceof UnknownCheckpoint) return { code: 'UNKNOWN_CHECKPOINT', message: error.message }
  const { name, code } = readError(error)
  const what = code === null ? name : `${name} ${code}`
  return {
    code: 'WORKER_ERROR',
    message: `The worker came to an error each time: ${what}. The log has the cause.`,
  }
}

/**
 * Reads what pg-boss kept of the last try: a cause of ours, an error that it has written down itself, or its own word for
 * a try whose worker it has not heard of again (`job heartbeat timeout`, `job timed out`, `pg-boss shut down while active`).
 */
export function readCause(output: unknown): FailureCause {
  if (typeof output !== 'object' || output === null) return workerDied
  if ('code' in output && 'message' in output && codes.has(output.code)) return output as FailureCause
  return 'stack' in output ? causeOf(output) : workerDied
}

const codes: ReadonlySet<unknown> = new Set(['UNKNOWN_CHECKPOINT', 'WORKER_ERROR', 'WORKER_DIED'])

/** The name of an error's class and its code: short words of programmers, not of data. */
function readError(error: unknown): { readonly name: string; readonly code: string | null } {
  const { name, code } = Object(error) as { readonly name?: unknown; readonly code?: unknown }
  return { name: wordOf(name) ?? 'Error', code: wordOf(code) }
}

function wordOf(value: unknown): string | null {
  return typeof value === 'string' && /^\w{1,64}$/.test(value) ? value : null
}
