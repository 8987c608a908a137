import { type Checkpoint, type MachineEvent, nextTimer, wakeAtOf } from './checkpoint.ts'
import { decide, doneEvent, failureEvent } from './decide.ts'
import type { Clock, InstanceStore, LeasedInstance } from './instance-store.ts'
import { type LeaseKeeper, LeaseLost, StepSuperseded } from './lease-keeper.ts'
import { loadCheckpoint, type MachineCatalogue, UnknownCheckpoint } from './machine.ts'
import type { StepCatalogue } from './step.ts'

/** The places where a crash must lose nothing; tests kill the process at each. */
export type Boundary = 'beforeStep' | 'afterStep' | 'beforeCommit' | 'afterCommit'

export interface Runtime {
  readonly instanceStore: InstanceStore
  readonly keeper: LeaseKeeper
  readonly machines: MachineCatalogue
  readonly steps: StepCatalogue
  readonly clock: Clock
  /** Aborted when the process drains: steps finish, and jobs are let go at their next checkpoint. */
  readonly draining: AbortSignal
  readonly onBoundary?: (boundary: Boundary, checkpoint: Checkpoint) => void
}

/** How a drive ended: `rested` at a checkpoint with nothing to do now; the others left it to somebody else. */
export type DriveEnd = 'rested' | 'leasedElsewhere' | 'missing' | 'leaseLost' | 'drained'

/** A step that has failed its workers this often is answered for by its machine, as `exhausted`. */
export const maxLeaseAttempts = 8

/**
 * Takes a job and drives it on, step by step and without a queue hop between, until it waits, rests or ends.
 * Throws what a step throws (a bug, or lost infrastructure), with the lease let go, so that the queue retries.
 */
export async function drive(runtime: Runtime, jobId: string): Promise<DriveEnd> {
  const acquired = await runtime.instanceStore.acquireLease(jobId)
  if (acquired.kind !== 'acquired') return acquired.kind
  const lease = runtime.keeper.track(jobId, acquired.instance.epoch)
  let held: LeasedInstance | null = acquired.instance
  /** The key of the step that nobody began, as this drive knows: it committed it, or is the first to take it up. */
  let unstartedKey = unstartedStepKey(acquired.instance)

  try {
    for (;;) {
      const job: LeasedInstance = held
      const { checkpoint } = loadCheckpoint(runtime.machines, job.checkpoint)
      if (runtime.draining.aborted) return await releaseLease(runtime, job, 'drained')

      const unstarted = unstartedKey
      unstartedKey = null // Whatever comes of it, from here on the step may have begun.
      const event = await nextEvent(runtime, job, checkpoint, lease, unstarted)
      if (event === 'aborted') {
        held = await runtime.instanceStore.reload(jobId, job.epoch)
        if (!held) return 'leaseLost'
        continue
      }
      if (event === 'nothing') {
        if (await runtime.instanceStore.release(jobId, job.epoch, job.revision)) return 'rested'
        held = await runtime.instanceStore.reload(jobId, job.epoch)
        if (!held) return 'leaseLost'
        continue
      }

      const committed = await commitEvent(runtime, job, event)
      if (committed.kind === 'leaseLost') return 'leaseLost'
      if (committed.kind === 'rested') return 'rested'
      held = committed.job
      unstartedKey = committed.unstartedKey
    }
  } catch (error) {
    // A build that cannot read a checkpoint has not tried its step: while an upgrade rolls out, that must not exhaust it.
    const isUnattempted = error instanceof UnknownCheckpoint
    if (held) await releaseLease(runtime, held, 'drained', isUnattempted).catch(() => undefined)
    throw error
  } finally {
    lease.done()
  }

  /** Decides and commits; if another writer was faster, decides again on what it left, or drops the event. */
  async function commitEvent(
    { instanceStore, clock, onBoundary, machines }: Runtime,
    first: LeasedInstance,
    event: MachineEvent,
  ): Promise<Committed> {
    let job = first
    for (;;) {
      const { machine, checkpoint } = loadCheckpoint(machines, job.checkpoint)
      const revision = job.revision + 1
      const facts = { at: clock.now(), key: `${jobId}/${revision}`, epoch: job.epoch }
      const decision = decide(machine, checkpoint, event, facts)
      if (decision.kind === 'refused') {
        if (job === first) throw new Error(`${decision.event} has no transition in ${decision.state}`)
        return { kind: 'moved', job, unstartedKey: null }
      }
      const next = decision.checkpoint
      const wakeAt = wakeAtOf(next, facts.at)
      const release = wakeAt === null || wakeAt > facts.at

      onBoundary?.('beforeCommit', checkpoint)
      const result = await instanceStore.commit({
        jobId,
        organizationId: job.organizationId,
        expectedRevision: job.revision,
        epoch: job.epoch,
        from: checkpoint.state,
        event: event.type,
        next,
        wakeAt,
        release,
      })
      onBoundary?.('afterCommit', next)

      if (result.kind === 'committed') {
        if (release) return { kind: 'rested' }
        const unstartedKey = next.step && next.step.key !== checkpoint.step?.key ? next.step.key : null
        return { kind: 'moved', job: { ...job, revision, checkpoint: next, leaseAttempts: 1 }, unstartedKey }
      }
      const reloaded = await instanceStore.reload(jobId, job.epoch)
      if (!reloaded) return { kind: 'leaseLost' }
      if (reloaded.checkpoint.step?.key !== job.checkpoint.step?.key)
        return { kind: 'moved', job: reloaded, unstartedKey: null }
      job = reloaded
    }
  }
}

type Committed =
  | { readonly kind: 'moved'; readonly job: LeasedInstance; readonly unstartedKey: string | null }
  | { readonly kind: 'rested' }
  | { readonly kind: 'leaseLost' }

async function releaseLease(
  runtime: Runtime,
  job: LeasedInstance,
  end: DriveEnd,
  isUnattempted = false,
): Promise<DriveEnd> {
  await runtime.instanceStore.release(job.jobId, job.epoch, job.revision, isUnattempted)
  return end
}

/** A step that a command has committed, which performs none itself, and that no worker has taken up before this one. */
function unstartedStepKey({ checkpoint: { step }, leaseAttempts }: LeasedInstance): string | null {
  return step && step.epoch === null && leaseAttempts === 1 ? step.key : null
}

/** A timer that is due comes first, then the pending step is performed; otherwise there is nothing to do now. */
async function nextEvent(
  runtime: Runtime,
  job: LeasedInstance,
  checkpoint: Checkpoint,
  lease: { readonly signal: AbortSignal; setStep(stepKey: string | null): void },
  unstartedKey: string | null,
): Promise<MachineEvent | 'aborted' | 'nothing'> {
  const timer = nextTimer(checkpoint)
  if (timer && timer.dueAt <= runtime.clock.now()) return timer.event
  const { step } = checkpoint
  if (!step) return 'nothing'
  if (job.leaseAttempts > maxLeaseAttempts)
    return failureEvent(step.id, { kind: 'exhausted', leaseAttempts: job.leaseAttempts - 1 })

  const perform = runtime.steps[step.name]
  if (!perform) throw new Error(`no step is called "${step.name}"`)
  lease.setStep(step.key)
  const { signal } = lease
  runtime.onBoundary?.('beforeStep', checkpoint)
  try {
    const outcome = await perform(step.input, {
      jobId: job.jobId,
      organizationId: job.organizationId,
      key: step.key,
      mayHaveBegun: unstartedKey !== step.key,
      signal,
      async fence() {
        const held = await runtime.instanceStore.reload(job.jobId, job.epoch)
        if (held?.checkpoint.step?.key !== step.key)
          throw new LeaseLost('the job has gone on without this worker')
      },
      now: () => runtime.clock.now(),
    })
    runtime.onBoundary?.('afterStep', checkpoint)
    // An outcome counts even if the step was to be aborted: it happened, and the machine must know.
    return outcome.kind === 'done' ? doneEvent(step.id, outcome.output) : failureEvent(step.id, outcome.error)
  } catch (error) {
    if (error instanceof LeaseLost || (signal.aborted && isAbort(error, signal))) return 'aborted'
    throw error
  } finally {
    lease.setStep(null)
  }
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return (
    error === signal.reason ||
    error instanceof StepSuperseded ||
    (error instanceof Error && error.name === 'AbortError')
  )
}
