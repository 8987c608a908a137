import type { Step } from '../durable/step.ts'
import { hostFaultOf } from '../providers/host-fault.ts'
import {
  ContentMismatch,
  ObjectMissing,
  StorageDeferred,
  StorageFault,
  StorageFull,
} from '../providers/storage/storage.ts'
import { KeyMissing } from '../vault/encryptor.ts'
import { failureOfCode } from '../verdict/coded-failure.ts'
import { deferred, needsPerson, outcomeUnknown, retry } from './outcome.ts'
import type { HostFaultKind, HostFaultReport } from './step-report.ts'

/** A step waits at most 72 seconds between attempts: after three minutes without a fault, no step has met it again. */
const defaultOutageEndsAfterMs = 180_000
/** How long a step waits for its machine. Freeing a disk takes a person longer than a second. */
const retryAfterSeconds = 60
/** Faults that pass by themselves: the usual back-off, and the storage's breaker, are enough. */
const passingFaults: ReadonlySet<HostFaultKind> = new Set(['STORAGE_UNREACHABLE', 'STORAGE_BUSY'])

function faultOf(error: unknown): HostFaultKind | null {
  if (error instanceof KeyMissing) return 'KEY_MISSING'
  if (error instanceof StorageFault) return error.fault
  return hostFaultOf(error) ?? (error instanceof StorageFull ? 'STORAGE_FULL' : null)
}

function waitFor(error: unknown, fault: HostFaultKind): number | undefined {
  const asked = error instanceof StorageFault ? error.afterSeconds : undefined
  return asked ?? (passingFaults.has(fault) ? undefined : retryAfterSeconds)
}

/**
 * Turns faults of this machine (a full disk, a missing ffmpeg, no memory) and of the storage into step outcomes; no other code
 * does. A fault never ends a job: its step is retried, and left to a person once that has lasted too long. Paid work is kept. The cause is
 * reported once per outage, not once per job, and people see only the fault's meaning.
 */
export function createHostFaultGuard(
  report: (report: HostFaultReport) => void,
  outageEndsAfterMs = defaultOutageEndsAfterMs,
) {
  const outages = new Map<HostFaultKind, { steps: number; end: NodeJS.Timeout }>()

  function recordFault(fault: HostFaultKind, step: string, cause: unknown): void {
    const outage = outages.get(fault)
    if (outage) {
      outage.steps += 1
      outage.end.refresh()
      return
    }
    const end = setTimeout(() => {
      report({ kind: 'ended', fault, steps: outages.get(fault)?.steps ?? 0 })
      outages.delete(fault)
    }, outageEndsAfterMs).unref()
    outages.set(fault, { steps: 1, end })
    report({ kind: 'began', fault, step, cause })
  }

  return (name: string, step: Step): Step =>
    async (input, context) => {
      let mayHaveHappened = false
      const watchedContext = {
        ...context,
        async fence() {
          await context.fence()
          mayHaveHappened = true
        },
      }
      try {
        return await step(input, watchedContext)
      } catch (error) {
        // Needs a person at once: time brings no file to a machine that has another directory.
        if (error instanceof ObjectMissing && !mayHaveHappened)
          return needsPerson(failureOfCode('reelpilot', 'MEDIA_NOT_HERE'))
        if (error instanceof ContentMismatch && !mayHaveHappened)
          return needsPerson(failureOfCode('reelpilot', 'MEDIA_DAMAGED'))
        if (error instanceof StorageDeferred && !mayHaveHappened) return deferred(error)
        const fault = faultOf(error)
        if (!fault) throw error
        recordFault(fault, name, error)
        const failure = failureOfCode('reelpilot', fault)
        return mayHaveHappened ? outcomeUnknown(failure) : retry(failure, waitFor(error, fault))
      }
    }
}
