import { createInterface } from 'node:readline'
import { createTikTokClient } from '../../../src/providers/tiktok/client.ts'
import type { Answer } from '../../../src/providers/tiktok/http/answer.ts'
import type { Guard } from '../../../src/providers/tiktok/http/guard.ts'
import { Secret } from '../../../src/secret.ts'
import { connect } from '../../../src/store/database.ts'
import { type BreakerGuardOptions, createBreakerGuard } from '../../../src/tiktok-policy/breaker-guard.ts'

export interface CallerSettings {
  readonly databaseUrl: string
  readonly hostUrl: string
}

/** An order to a caller, one per line. */
export type CallerOrder =
  /** Several calls at once, with the clock at `at`. */
  | { readonly kind: 'calls'; readonly at: number; readonly calls: number }
  /** Several jobs, each until its call succeeds, with at most `atOnce` calls at a time; the clock runs `speed` times as fast. */
  | {
      readonly kind: 'jobs'
      readonly from: number
      readonly realFrom: number
      readonly speed: number
      readonly jobs: number
      readonly atOnce: number
    }

/** A report of a caller, for each finished call or job. */
export type CallerReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'call'; readonly answer: Answer<unknown> }
  | { readonly kind: 'job'; readonly attempts: number; readonly deferrals: number }

const settings: CallerSettings = JSON.parse(process.argv[2] ?? '')
const { db } = connect(settings.databaseUrl, 'reelpilot_runtime', {
  max: 10,
  name: 'caller',
  onError: () => undefined,
})
const client = createTikTokClient({
  apiBase: settings.hostUrl,
  clientKey: 'ck_test',
  clientSecret: new Secret('secret'),
})
const send = (word: CallerReport) => process.stdout.write(`${JSON.stringify(word)}\n`)
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const fetchStatus = (guard: Guard, attempt: number): Promise<Answer<unknown>> => {
  const call = { endpoint: 'status', attempt } as const
  return guard(call, () => client.status(new Secret('act_test'), 'p'))
}

async function perform(order: CallerOrder): Promise<void> {
  if (order.kind === 'calls') {
    const guard = createBreakerGuard({ db, now: () => order.at })
    const one = async () => send({ kind: 'call', answer: await fetchStatus(guard, 1) })
    await Promise.all(Array.from({ length: order.calls }, one))
    return
  }
  const { from, realFrom, speed, jobs, atOnce } = order
  const options: BreakerGuardOptions = {
    db,
    now: () => Math.floor(from + (Date.now() - realFrom) * speed),
    // The client's deadline runs by the real clock.
    deadlineMs: 30_000 * speed,
  }
  const guard = createBreakerGuard(options)
  let free = atOnce
  const job = async () => {
    let [attempts, deferrals] = [0, 0]
    for (;;) {
      while (free === 0) await sleep(5)
      free -= 1
      const answer = await fetchStatus(guard, attempts + 1)
      free += 1
      if (answer.kind === 'ok') break
      if (answer.kind === 'deferred') deferrals += 1
      else attempts += 1
      // Like a job: deferred for the given time, or backed off.
      const seconds = answer.kind === 'deferred' ? answer.afterSeconds : Math.min(60, 2 ** attempts)
      await sleep((seconds * 1_000) / speed)
    }
    send({ kind: 'job', attempts, deferrals })
  }
  await Promise.all(Array.from({ length: jobs }, job))
}

createInterface({ input: process.stdin }).on('line', (line) => void perform(JSON.parse(line)))
send({ kind: 'ready' })
