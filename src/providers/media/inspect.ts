import { runInChild } from '../video/local/child-task.ts'
import type { InspectAnswer } from './inspect-child.ts'

const inspectChild = new URL('./inspect-child.ts', import.meta.url)

/** A table of ten minutes at 60 frames a second takes a few megabytes. */
const memoryLimitMb = 256
const maxInspectMs = 60_000

/**
 * Reads what a foreign file is, without decoding it, and what a conversion would change about it. A child process reads it, within limits
 * of memory and time: a container may declare tables of any size. A file that exceeds them is `unreadable`.
 *
 * Throws a HostFault if the child cannot be started, and the signal's reason.
 */
export async function inspectMedia(
  file: string,
  signal: AbortSignal,
  { timeoutMs = maxInspectMs }: { readonly timeoutMs?: number } = {},
): Promise<InspectAnswer> {
  const deadline = AbortSignal.timeout(timeoutMs)
  const outcome = await runInChild(
    inspectChild,
    { file },
    { memoryLimitMb, signal: AbortSignal.any([signal, deadline]) },
  )
  signal.throwIfAborted()
  if (outcome.kind === 'fault') throw outcome.fault
  if (outcome.kind === 'crashed')
    return { kind: 'unreadable', why: 'its tables exceed what is read of a video in memory and time' }
  return outcome.answer as InspectAnswer // sent by the child process, of the same version
}
