import { type Checkpoint, type MachineEvent, nextTimer, wakeAtOf } from './checkpoint.ts'
import { type DecisionFacts, decide, doneEvent, failureEvent } from './decide.ts'
import type { Clock, InstanceStore, LeasedInstance, LeaseResult, LeaseState } from './instance-store.ts'
import { type LeaseKeeper, LeaseLost, StepSuperseded, type TrackedLease } from './lease-keeper.ts'
import { loadCheckpoint, type MachineCatalogue, UnknownCheckpoint } from './machine.ts'
import { isUnchanged, pollAfter } from './poll.ts'
import type { StepCatalogue } from './step.ts'

/** The points at which tests kill the process: a crash there must lose nothing. */
export type Boundary = 'beforeStep' | 'afterStep' | 'beforeCommit' | 'afterCommit'

export interface Runtime {
  readonly instanceStore: InstanceStore
  readonly keeper: LeaseKeeper
  readonly machines: MachineCatalogue
  readonly steps: StepCatalogue
  readonly clock: Clock
  /** Aborted when the process drains: running steps finish, and leases are released at the next checkpoint. */
  readonly draining: AbortSignal
  readonly onBoundary?: (boundary: Boundary, checkpoint: Checkpoint) => void
}

/** How a drive ended. `rested`: at a checkpoint without work that is due. In the other cases another worker continues. */
export type DriveEnd = 'rested' | 'leasedElsewhere' | 'missing' | 'leaseLost' | 'drained'

/** After this many leases of one revision the step is reported to its machine as `exhausted`. */
export const maxLeaseAttempts = 8

/**
 * Leases an instance, unless the caller has done so just now, and performs its steps, without a queue hop in between, until it waits,
 * rests or ends. Throws what a step throws (a bug, or lost infrastructure) after releasing the lease, so that the queue retries.
 */
export async function drive(runtime: Runtime, jobId: string, lease?: LeaseResult | null): Promise<DriveEnd> {
  const acquired = lease ?? (await runtime.instanceStore.acquireLease(jobId))
  if (acquired.kind !== 'acquired') return acquired.kind
  const tracked = runtime.keeper.track(jobId, acquired.instance.epoch)
  let leased: LeasedInstance | null = acquired.instance
  /** The key of a step that no worker can have begun: this drive committed it, or is the first to lease it. */
  let unstartedKey = unstartedStepKey(acquired.instance)

  try {
    for (;;) {
      const job: LeasedInstance = leased
      const { machine, checkpoint } = loadCheckpoint(runtime.machines, job.checkpoint)
      if (runtime.draining.aborted) return await releaseLease(runtime, job, 'drained')

      const unstarted = unstartedKey
      unstartedKey = null // From here on the step may have begun.
      const timer = dueTimer(runtime, checkpoint)
      const polling = timer && pollAfter(machine, checkpoint, timer, factsOf(runtime, job))
      const event =
        timer && !polling
          ? timer
          : await performStep(runtime, job, polling ?? checkpoint, polling !== null, tracked, unstarted)
      if (event === 'aborted') {
        leased = await runtime.instanceStore.reload(jobId, job.epoch)
        if (!leased) return 'leaseLost'
        continue
      }
      if (event === 'nothing') {
        if (await runtime.instanceStore.release(jobId, job.epoch, job.revision)) return 'rested'
        leased = await runtime.instanceStore.reload(jobId, job.epoch)
        if (!leased) return 'leaseLost'
        continue
      }

      const committed = await commitEvent(runtime, job, event, polling)
      if (committed.kind === 'leaseLost') return 'leaseLost'
      if (committed.kind === 'rested') return 'rested'
      leased = committed.job
      unstartedKey = committed.unstartedKey
    }
  } catch (error) {
    // An unreadable checkpoint costs no lease attempt, so that older workers cannot exhaust a step during a rolling upgrade.
    const isUnattempted = error instanceof UnknownCheckpoint
    if (leased) await releaseLease(runtime, leased, 'drained', isUnattempted).catch(() => undefined)
    throw error
  } finally {
    tracked.done()
  }

  /**
   * Decides and commits. After a conflict it decides again on the new checkpoint, or drops the event if its step is gone. The outcome of
   * a poll is decided in the checkpoint `polling`; if it changed nothing, only the time of the next poll is stored.
   */
  async function commitEvent(
    runtime: Runtime,
    first: LeasedInstance,
    event: MachineEvent,
    polling: Checkpoint | null,
  ): Promise<Committed> {
    const { instanceStore, onBoundary, machines } = runtime
    let job = first
    for (;;) {
      const { machine, checkpoint } = loadCheckpoint(machines, job.checkpoint)
      const revision = job.revision + 1
      const facts = factsOf(runtime, job)
      const decision = decide(machine, polling ?? checkpoint, event, facts)
      if (decision.kind === 'refused') {
        if (job === first) throw new Error(`${decision.event} has no transition in ${decision.state}`)
        return { kind: 'moved', job, unstartedKey: null }
      }
      const next = decision.checkpoint
      const wakeAt = wakeAtOf(next, facts.at)
      const release = wakeAt === null || wakeAt > facts.at

      const { organizationId, epoch } = job
      onBoundary?.('beforeCommit', checkpoint)
      if (polling && release && wakeAt !== null && isUnchanged(job.checkpoint, next)) {
        const { timers } = next
        const postponement = { jobId, organizationId, revision: job.revision, epoch, timers, wakeAt }
        const isPostponed = await instanceStore.postpone(postponement)
        onBoundary?.('afterCommit', next)
        return isPostponed ? { kind: 'rested' } : await afterConflict(runtime, job)
      }
      const result = await instanceStore.commit({
        jobId,
        organizationId,
        expectedRevision: job.revision,
        epoch,
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
      const current = await afterConflict(runtime, job)
      // A poll is repeated where its machine still waits for it.
      if (polling || current.kind !== 'moved') return current
      if (current.job.checkpoint.step?.key !== job.checkpoint.step?.key) return current
      job = current.job
    }
  }
}

/** What a worker continues with when somebody else has changed its instance. */
async function afterConflict({ instanceStore }: Runtime, job: LeasedInstance): Promise<Committed> {
  const reloaded = await instanceStore.reload(job.jobId, job.epoch)
  return reloaded ? { kind: 'moved', job: reloaded, unstartedKey: null } : { kind: 'leaseLost' }
}

function factsOf({ clock }: Runtime, job: LeasedInstance): DecisionFacts {
  return { at: clock.now(), key: `${job.jobId}/${job.revision + 1}`, epoch: job.epoch }
}

function dueTimer({ clock }: Runtime, checkpoint: Checkpoint): MachineEvent | null {
  const timer = nextTimer(checkpoint)
  return timer && timer.dueAt <= clock.now() ? timer.event : null
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

/** The key of a step that a command committed and that this is the first lease of. Commands perform no steps. */
function unstartedStepKey({ checkpoint: { step }, leaseAttempts }: LeasedInstance): string | null {
  return step && step.epoch === null && leaseAttempts === 1 ? step.key : null
}

/** Performs the pending step. A poll is not committed: it is superseded by any other revision than the one that it was decided in. */
async function performStep(
  runtime: Runtime,
  job: LeasedInstance,
  checkpoint: Checkpoint,
  isPoll: boolean,
  lease: Pick<TrackedLease, 'signal' | 'setStep'>,
  unstartedKey: string | null,
): Promise<MachineEvent | 'aborted' | 'nothing'> {
  const { step } = checkpoint
  if (!step) return 'nothing'
  if (job.leaseAttempts > maxLeaseAttempts)
    return failureEvent(step.id, { kind: 'exhausted', leaseAttempts: job.leaseAttempts - 1 })

  const perform = runtime.steps[step.name]
  if (!perform) throw new Error(`this build has no step "${step.name}"`)
  const isSuperseded = (current: Pick<LeaseState, 'revision' | 'stepKey'>) =>
    isPoll ? current.revision !== job.revision : current.stepKey !== step.key
  lease.setStep(isSuperseded)
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
        const current = await runtime.instanceStore.reload(job.jobId, job.epoch)
        const stepKey = current?.checkpoint.step?.key ?? null
        if (!current || isSuperseded({ revision: current.revision, stepKey }))
          throw new LeaseLost('the lease or the step was lost to another worker')
      },
      now: () => runtime.clock.now(),
    })
    runtime.onBoundary?.('afterStep', checkpoint)
    // An outcome is reported even after an abort: the step's effect happened.
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
