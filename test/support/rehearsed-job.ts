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

/** The machinery of a worker, but for the queue: that one would wait for real time. */
export interface RehearsalRuntime {
  readonly db: Db
  readonly deps: CommandDeps
  readonly runtime: Omit<Runtime, 'draining' | 'onBoundary'>
  readonly local: LocalTikTok
  /** Of the database and of TikTok, epoch milliseconds. */
  now(): number
  /** Puts the clocks of both forward. */
  advanceClock(milliseconds: number): Promise<void>
  /** Whether TikTok's webhooks are taken in as they come; otherwise only `hear` does that. */
  readonly receivesWebhooks: boolean
}

export interface JobIds {
  readonly jobId: string
  readonly organizationId: string
  readonly accountId: string
}

/** Where to stop: a state, or whatever can be seen of the job. */
export type Until = string | ((context: JobContext, state: string) => boolean)

export interface RehearsedJob extends JobIds {
  /**
   * Goes on until nothing moves it by itself, or to where it is to stop, and answers its state there. Its account is driven
   * along. Where both wait, the time that they wait for passes at once. A job that stops where a step is pending is let go as
   * by a worker that shuts down.
   */
  advance(until?: Until): Promise<string>
  /** What a person asks of it. Throws if that is not permitted. */
  send(event: JobEvent): Promise<void>
  /** Takes in what TikTok has told of its creator's posts and account, in the order of coming; answers what each did. */
  receiveWebhooks(): Promise<readonly string[]>
  context(): Promise<JobContext>
  /** Every state that it has come to, the first one included. */
  history(): Promise<readonly string[]>
  /** The state of its account. */
  account(): Promise<string>
}

/** A bound for tests that would never end: five days of polling have fewer. */
const mostTurns = 10_000
/** The runtime reads the database's clock late by a round trip, never early. */
const roundTripMs = 10

/** Drives a job that is in the database, with its account, through the real machines, steps and ledger. */
export function rehearse(machinery: RehearsalRuntime, ids: JobIds): RehearsedJob {
  const { db, deps, runtime, local, now, advanceClock, receivesWebhooks } = machinery
  const { jobId, organizationId, accountId } = ids

  const read = async (id: string): Promise<Checkpoint> => {
    const machine = await lockInstance(db, id) // Without a transaction, for no longer than it takes to read.
    if (!machine) throw new Error(`there is no ${id}`)
    return machine.checkpoint
  }
  const context = async () => contextOf(jobMachine, await read(jobId))
  const isReady = (machine: Checkpoint) =>
    machine.tag === 'working' || (nextTimer(machine)?.dueAt ?? Number.POSITIVE_INFINITY) <= now()

  async function receiveWebhooks(): Promise<readonly string[]> {
    await local.flushWebhooks()
    const kept = await db
      .selectFrom('webhook_delivery')
      .innerJoin('account', 'account.open_id', 'webhook_delivery.open_id')
      .select('key')
      .where('account.id', '=', accountId)
      .where('handled_at', 'is', null)
      .orderBy('received_at')
      .execute()
    const outcomes: string[] = []
    for (const { key } of kept) {
      const { outcome } = await db.transaction().execute((tx) => handleWebhook(tx, deps, key))
      outcomes.push(outcome)
    }
    return outcomes
  }

  async function driveOn(id: string, isThere: (checkpoint: Checkpoint) => boolean): Promise<void> {
    const draining = new AbortController()
    const onBoundary: Runtime['onBoundary'] = (boundary, checkpoint) => {
      if (boundary === 'afterCommit' && isThere(checkpoint)) draining.abort()
    }
    await drive({ ...runtime, draining: draining.signal, onBoundary }, id)
  }

  async function advance(until: Until = () => false): Promise<string> {
    const isThere = (job: Checkpoint) =>
      job.machine === 'job' &&
      (typeof until === 'string' ? job.state === until : until(contextOf(jobMachine, job), job.state))

    for (let turn = 0; turn < mostTurns; turn += 1) {
      if (receivesWebhooks) await receiveWebhooks()
      const [job, account] = [await read(jobId), await read(accountId)]
      if (isThere(job)) return job.state
      if (isReady(account)) await driveOn(accountId, isThere)
      else if (isReady(job)) await driveOn(jobId, isThere)
      else if (job.tag !== 'waiting') return job.state
      else await advanceClock(Math.max(0, earliest(job, account) - now()) + roundTripMs)
    }
    throw new Error(`the job still goes on: ${(await read(jobId)).state}`)
  }

  return {
    ...ids,
    advance,
    receiveWebhooks,
    context,
    async send(event) {
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
      return events.map(({ payload }) => (payload as { readonly to: string }).to) // As the ledger writes it.
    },
    account: async () => (await read(accountId)).state,
  }
}

function earliest(...machines: readonly Checkpoint[]): number {
  return Math.min(...machines.map((machine) => nextTimer(machine)?.dueAt ?? Number.POSITIVE_INFINITY))
}
