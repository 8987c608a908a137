import { UnknownCheckpoint } from '../durable/machine.ts'

/** Why an attempt failed, as far as the queue knows. */
export interface FailureCause {
  readonly code: 'UNKNOWN_CHECKPOINT' | 'WORKER_ERROR' | 'WORKER_DIED'
  /** Shown to the organization: our own text, and of an error only its name, because its message may contain secrets. */
  readonly message: string
}

export const workerDied: FailureCause = {
  code: 'WORKER_DIED',
  message: 'The worker stopped responding: it was killed, or lost its machine or its database.',
}

/** What the queue stores about an error of a worker. The log has the error itself. */
export function causeOf(error: unknown): FailureCause {
  // This error's message is our own: machine, state and version.
  if (error instanceof UnknownCheckpoint) return { code: 'UNKNOWN_CHECKPOINT', message: error.message }
  const { name, code } = readError(error)
  const what = code === null ? name : `${name} ${code}`
  return {
    code: 'WORKER_ERROR',
    message: `Every attempt of a worker failed with an error: ${what}. The log has the cause.`,
  }
}

/**
 * Reads what pg-boss stored about the last attempt: a `FailureCause`, an error that it serialized itself, or its own message for an
 * attempt whose worker stopped responding (`job heartbeat timeout`, `job timed out`, `pg-boss shut down while active`).
 */
export function readCause(output: unknown): FailureCause {
  if (typeof output !== 'object' || output === null) return workerDied
  if ('code' in output && 'message' in output && codes.has(output.code)) return output as FailureCause
  return 'stack' in output ? causeOf(output) : workerDied
}

const codes: ReadonlySet<unknown> = new Set(['UNKNOWN_CHECKPOINT', 'WORKER_ERROR', 'WORKER_DIED'])

/** The name of an error's class and its code. Both are identifiers, not data. */
function readError(error: unknown): { readonly name: string; readonly code: string | null } {
  const { name, code } = Object(error) as { readonly name?: unknown; readonly code?: unknown }
  return { name: identifierOf(name) ?? 'Error', code: identifierOf(code) }
}

function identifierOf(value: unknown): string | null {
  return typeof value === 'string' && /^\w{1,64}$/.test(value) ? value : null
}
