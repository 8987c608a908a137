import { type Checkpoint, type MachineEvent, nextTimer, wakeAtOf } from './checkpoint.ts'
import { decide, doneEvent, failureEvent } from './decide.ts'
import type { Clock, LeasedJob, Ledger } from './instance-store.ts'
import { type LeaseKeeper, LeaseLost, StepSuperseded } from './lease-keeper.ts'
import { load, type MachineCatalogue, UnknownCheckpoint } from './machine.ts'
import type { StepCatalogue } from './step.ts'

/** The places where a crash must lose nothing; tests kill the process at each. */
export type Boundary = 'beforeStep' | 'afterStep' | 'beforeCommit' | 'afterCommit'

export interface Runtime {
  readonly ledger: Ledger
  readonly keeper: LeaseKeeper
  readonly machines: MachineCatalogue
  readonly steps: StepCatalogue
  readonly clock: Clock
  /** Aborted when the process drains: steps finish, and jobs are let go at their next checkpoint. */
  readonly draining: AbortSignal
  readonly onBoundary?: (boundary: Boundary, checkpoint: Checkpoint) => void
}

/** How a drive ended: `rested` at a checkpoint with nothing to do now; the others left it to somebody else. */
export type DriveEnd = 'rested' | 'held' | 'missing' | 'leaseLost' | 'drained'

/** A step that has failed its workers this often is answered for by its machine, as `exhausted`. */
export const mostTries = 8

/**
 * Takes a job and drives it on, step by step and without a queue hop between, until it waits, rests or ends.
 * Throws what a step throws (a bug, or lost infrastructure), with the lease let go, so that the queue retries.
 */
export async function drive(runtime: Runtime, jobId: string): Promise<DriveEnd> {
  const taking = await runtime.ledger.take(jobId)
  if (taking.kind !== 'taken') return taking.kind
  const lease = runtime.keeper.hold(jobId, taking.job.epoch)
  let held: LeasedJob | null = taking.job
  /** The key of the step that nobody began, as this drive knows: it committed it, or is the first to take it up. */
  let freshStep = untouchedStep(taking.job)

  try {
    for (;;) {
      const job: LeasedJob = held
      const { checkpoint } = load(runtime.machines, job.checkpoint)
      if (runtime.draining.aborted) return await letGo(runtime, job, 'drained')

      const fresh = freshStep
      freshStep = null // Whatever comes of it, from here on the step may have begun.
      const event = await nextEvent(runtime, job, checkpoint, lease, fresh)
      if (event === 'aborted') {
        held = await runtime.ledger.reload(jobId, job.epoch)
        if (!held) return 'leaseLost'
        continue
      }
      if (event === 'nothing') {
        if (await runtime.ledger.release(jobId, job.epoch, job.revision)) return 'rested'
        held = await runtime.ledger.reload(jobId, job.epoch)
        if (!held) return 'leaseLost'
        continue
      }

      const committed = await commitEvent(runtime, job, event)
      if (committed.kind === 'leaseLost') return 'leaseLost'
      if (committed.kind === 'rested') return 'rested'
      held = committed.job
      freshStep = committed.freshStep
    }
  } catch (error) {
    // A build that cannot read a checkpoint has not tried its step: while an upgrade rolls out, that must not exhaust it.
    const untried = error instanceof UnknownCheckpoint
    if (held) await letGo(runtime, held, 'drained', untried).catch(() => undefined)
    throw error
  } finally {
    lease.done()
  }

  /** Decides and commits; if another writer was faster, decides again on what it left, or drops the event. */
  async function commitEvent(
    { ledger, clock, onBoundary, machines }: Runtime,
    first: LeasedJob,
    event: MachineEvent,
  ): Promise<Committed> {
    let job = first
    for (;;) {
      const { machine, checkpoint } = load(machines, job.checkpoint)
      const revision = job.revision + 1
      const facts = { at: clock.now(), key: `${jobId}/${revision}`, epoch: job.epoch }
      const decision = decide(machine, checkpoint, event, facts)
      if (decision.kind === 'refused') {
        if (job === first) throw new Error(`${decision.event} has no transition in ${decision.state}`)
        return { kind: 'moved', job, freshStep: null }
      }
      const next = decision.checkpoint
      const wakeAt = wakeAtOf(next, facts.at)
      const release = wakeAt === null || wakeAt > facts.at

      onBoundary?.('beforeCommit', checkpoint)
      const result = await ledger.commit({
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
        const freshStep = next.step && next.step.key !== checkpoint.step?.key ? next.step.key : null
        return { kind: 'moved', job: { ...job, revision, checkpoint: next, tries: 1 }, freshStep }
      }
      const reloaded = await ledger.reload(jobId, job.epoch)
      if (!reloaded) return { kind: 'leaseLost' }
      if (reloaded.checkpoint.step?.key !== job.checkpoint.step?.key)
        return { kind: 'moved', job: reloaded, freshStep: null }
      job = reloaded
    }
  }
}

type Committed =
  | { readonly kind: 'moved'; readonly job: LeasedJob; readonly freshStep: string | null }
  | { readonly kind: 'rested' }
  | { readonly kind: 'leaseLost' }

async function letGo(runtime: Runtime, job: LeasedJob, end: DriveEnd, untried = false): Promise<DriveEnd> {
  await runtime.ledger.release(job.jobId, job.epoch, job.revision, untried)
  return end
}

/** A step that a command has committed, which performs none itself, and that no worker has taken up before this one. */
function untouchedStep({ checkpoint: { step }, tries }: LeasedJob): string | null {
  return step && step.epoch === null && tries === 1 ? step.key : null
}

/** A timer that is due comes first, then the pending step is performed; otherwise there is nothing to do now. */
async function nextEvent(
  runtime: Runtime,
  job: LeasedJob,
  checkpoint: Checkpoint,
  lease: { readonly signal: AbortSignal; performing(stepKey: string | null): void },
  freshStep: string | null,
): Promise<MachineEvent | 'aborted' | 'nothing'> {
  const timer = nextTimer(checkpoint)
  if (timer && timer.dueAt <= runtime.clock.now()) return timer.event
  const { step } = checkpoint
  if (!step) return 'nothing'
  if (job.tries > mostTries) return failureEvent(step.id, { kind: 'exhausted', tries: job.tries - 1 })

  const perform = runtime.steps[step.name]
  if (!perform) throw new Error(`no step is called "${step.name}"`)
  lease.performing(step.key)
  const { signal } = lease
  runtime.onBoundary?.('beforeStep', checkpoint)
  try {
    const outcome = await perform(step.input, {
      jobId: job.jobId,
      organizationId: job.organizationId,
      key: step.key,
      mayHaveBegun: freshStep !== step.key,
      signal,
      async fence() {
        const held = await runtime.ledger.reload(job.jobId, job.epoch)
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
    lease.performing(null)
  }
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return (
    error === signal.reason ||
    error instanceof StepSuperseded ||
    (error instanceof Error && error.name === 'AbortError')
  )
}
