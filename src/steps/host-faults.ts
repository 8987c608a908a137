import type { Failure } from '../../machines/rules/failure.ts'
import type { Step } from '../durable/step.ts'
import { type HostFaultCode, hostFaultOf } from '../providers/host-fault.ts'
import { ObjectMissing } from '../providers/storage/storage.ts'
import { KeyMissing } from '../vault/encryptor.ts'
import { verdictFor } from '../verdict/failure-verdict.ts'
import { fail, failure } from './failure.ts'

/** A key of the ring that is not here is a fault of the machine like a missing file. */
type Fault = HostFaultCode | 'KEY_MISSING'

/** This machine began to fail its steps, or has not failed any for a while. */
export type HostFaultReport =
  | { readonly kind: 'began'; readonly fault: Fault; readonly step: string; readonly cause: unknown }
  | { readonly kind: 'ended'; readonly fault: Fault; readonly steps: number }

/** A step waits for at most a minute and a fifth before it is tried again: after three, nobody has met the fault again. */
const quietMs = 180_000
/** How long a step waits for its machine: a disk is not tidied up in a second. */
const untilNextTrySeconds = 60

/**
 * The one place where a fault of this machine becomes a verdict: a full disk, a missing ffmpeg, no memory. No step ends its
 * job by it. It is tried again by itself, and left to a person once that has lasted too long; what was paid for is kept. The
 * cause goes to `tell`, once for an outage and not for each job, and what the job keeps are words of ours.
 */
export function createHostFaults(tell: (news: HostFaultReport) => void, quietAfterMs = quietMs) {
  const outages = new Map<Fault, { steps: number; over: NodeJS.Timeout }>()

  function note(fault: Fault, step: string, cause: unknown): void {
    const outage = outages.get(fault)
    if (outage) {
      outage.steps += 1
      outage.over.refresh()
      return
    }
    const over = setTimeout(() => {
      tell({ kind: 'ended', fault, steps: outages.get(fault)?.steps ?? 0 })
      outages.delete(fault)
    }, quietAfterMs).unref()
    outages.set(fault, { steps: 1, over })
    tell({ kind: 'began', fault, step, cause })
  }

  return (name: string, step: Step): Step =>
    async (input, context) => {
      let mayHaveHappened = false
      const watched = {
        ...context,
        async fence() {
          await context.fence()
          mayHaveHappened = true
        },
      }
      try {
        return await step(input, watched)
      } catch (error) {
        // Looked for in vain, and at once for a person: waiting brings no file to a machine that has another directory.
        if (error instanceof ObjectMissing && !mayHaveHappened)
          return fail({ kind: 'needsPerson', failure: failureOf('MEDIA_NOT_HERE') })
        const fault = error instanceof KeyMissing ? 'KEY_MISSING' : hostFaultOf(error)
        if (!fault) throw error
        note(fault, name, error)
        const failed = failureOf(fault)
        return mayHaveHappened
          ? fail({ kind: 'unknown', failure: failed })
          : fail({ kind: 'retry', afterSeconds: untilNextTrySeconds, failure: failed })
      }
    }
}

function failureOf(fault: Fault | 'MEDIA_NOT_HERE'): Failure {
  const { verdict } = verdictFor('reelpilot', fault)
  return failure(verdict.verdict, fault, verdict.meaning)
}
