import type { JobContext } from '../../machines/job/context.ts'
import type { JobEvent } from '../../machines/job/events.ts'
import type { CommandDeps } from '../../src/commands/command-deps.ts'
import { sendJobEvent } from '../../src/commands/send-event.ts'
import { handleWebhook } from '../../src/commands/webhook/handle-webhook.ts'
import { jobMachine } from '../../src/definitions/machines.ts'
import { type Checkpoint, nextTimer } from '../../src/durable/checkpoint.ts'
import { drive, type Runtime } from '../../src/durable/drive.ts'
import { contextOf } from '../../src/durable/machine.ts'
import type { LocalTikTok } from '../../src/simulator/simulator.ts'
import type { Db } from '../../src/store/database.ts'
import { lockInstance } from '../../src/store/job/jobs.ts'

/** A worker's parts without the queue, which would wait in real time. */
export interface DriverParts {
  readonly db: Db
  readonly deps: CommandDeps
  readonly runtime: Omit<Runtime, 'draining' | 'onBoundary'>
  readonly tiktok: LocalTikTok
  /** The virtual time of the database and of TikTok, in epoch milliseconds. */
  now(): number
  /** Advances both clocks. */
  advanceClock(milliseconds: number): Promise<void>
  /** Whether webhooks are handled as they arrive; otherwise only `receiveWebhooks` handles them. */
  readonly receivesWebhooks: boolean
}

export interface JobIds {
  readonly jobId: string
  readonly organizationId: string
  readonly accountId: string
}

/** A state, or a condition on the job. */
export type StopCondition = string | ((context: JobContext, state: string) => boolean)

export interface DrivenJob extends JobIds {
  /**
   * Drives the job and its account until the job rests or the stop condition holds; answers its state. While both wait, the
   * clocks advance to the next timer. A job that stops with a pending step is released, as by a worker that shuts down.
   */
  advance(until?: StopCondition): Promise<string>
  /** Sends an event, as a command does. Throws if the job refuses it. */
  sendEvent(event: JobEvent): Promise<void>
  /** Handles the stored webhooks of the account in the order of arrival; answers their outcomes. */
  receiveWebhooks(): Promise<readonly string[]>
  context(): Promise<JobContext>
  /** Every state of the job, in order, from the first one. */
  history(): Promise<readonly string[]>
  accountState(): Promise<string>
}

/** Stops tests that would never end: five days of polling take fewer iterations. */
const maxIterations = 10_000
/** The runtime reads the database's clock up to one round trip late, never early. */
const roundTripMs = 10

/** Drives a stored job and its account with the real machines, steps and instance store. */
export function driveJob(parts: DriverParts, ids: JobIds): DrivenJob {
  const { db, deps, runtime, tiktok, now, advanceClock, receivesWebhooks } = parts
  const { jobId, organizationId, accountId } = ids

  const read = async (id: string): Promise<Checkpoint> => {
    const machine = await lockInstance(db, id) // Outside a transaction the lock ends with the statement.
    if (!machine) throw new Error(`there is no machine instance ${id}`)
    return machine.checkpoint
  }
  const context = async () => contextOf(jobMachine, await read(jobId))
  const isReady = (machine: Checkpoint) =>
    machine.tag === 'working' || (nextTimer(machine)?.dueAt ?? Number.POSITIVE_INFINITY) <= now()

  async function receiveWebhooks(): Promise<readonly string[]> {
    await tiktok.flushWebhooks()
    const deliveries = await db
      .selectFrom('webhook_delivery')
      .innerJoin('account', 'account.open_id', 'webhook_delivery.open_id')
      .select('key')
      .where('account.id', '=', accountId)
      .where('handled_at', 'is', null)
      .orderBy('received_at')
      .execute()
    const outcomes: string[] = []
    for (const { key } of deliveries) {
      const { outcome } = await db.transaction().execute((tx) => handleWebhook(tx, deps, key))
      outcomes.push(outcome)
    }
    return outcomes
  }

  async function driveOn(id: string, shouldStop: (checkpoint: Checkpoint) => boolean): Promise<void> {
    const draining = new AbortController()
    const onBoundary: Runtime['onBoundary'] = (boundary, checkpoint) => {
      if (boundary === 'afterCommit' && shouldStop(checkpoint)) draining.abort()
    }
    await drive({ ...runtime, draining: draining.signal, onBoundary }, id)
  }

  async function advance(until: StopCondition = () => false): Promise<string> {
    const shouldStop = (job: Checkpoint) =>
      job.machine === 'job' &&
      (typeof until === 'string' ? job.state === until : until(contextOf(jobMachine, job), job.state))

    for (let iteration = 0; iteration < maxIterations; iteration += 1) {
      if (receivesWebhooks) await receiveWebhooks()
      const [job, account] = [await read(jobId), await read(accountId)]
      if (shouldStop(job)) return job.state
      if (isReady(account)) await driveOn(accountId, shouldStop)
      else if (isReady(job)) await driveOn(jobId, shouldStop)
      else if (job.tag !== 'waiting') return job.state
      else await advanceClock(Math.max(0, earliest(job, account) - now()) + roundTripMs)
    }
    throw new Error(
      `the job did not rest after ${maxIterations} iterations: it is in ${(await read(jobId)).state}`,
    )
  }

  return {
    ...ids,
    advance,
    receiveWebhooks,
    context,
    async sendEvent(event) {
      const moved = await db
        .transaction()
        .execute((tx) => sendJobEvent(tx, deps, { organizationId, jobId, event }))
      if (moved.kind !== 'moved') throw new Error(`${event.type}: ${JSON.stringify(moved)}`)
    },
    async history() {
      const events = await db
        .selectFrom('event')
        .select('payload')
        .where('job_id', '=', jobId)
        .orderBy('job_revision')
        .execute()
      return events.map(({ payload }) => (payload as { readonly to: string }).to) // Written with every transition.
    },
    accountState: async () => (await read(accountId)).state,
  }
}

function earliest(...machines: readonly Checkpoint[]): number {
  return Math.min(...machines.map((machine) => nextTimer(machine)?.dueAt ?? Number.POSITIVE_INFINITY))
}
