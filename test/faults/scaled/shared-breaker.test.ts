import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { defaultOpenMs, failureThreshold } from '../../../machines/breaker.ts'
import { type Host, rowOf, startHost } from '../../circuit-breaker/support.ts'
import { createTestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/wait.ts'
import { inForm } from './form.ts'
import type { CallerOrder, CallerReport } from './shared-breaker-caller.ts'

const database = await createTestDatabase()
const processes = inForm(2, 4)
const at = 1_767_225_600_000

/** A process that calls through the same breaker. */
interface Caller {
  readonly child: ChildProcess
  readonly words: CallerReport[]
  order(order: CallerOrder): void
}

const callers = new Set<Caller>()
const hosts = new Set<Host>()

async function startCallers(host: Host, count = processes): Promise<readonly Caller[]> {
  const file = fileURLToPath(new URL('./shared-breaker-caller.ts', import.meta.url))
  const settings = JSON.stringify({ databaseUrl: database.url, hostUrl: host.url })
  const started = Array.from({ length: count }, (): Caller => {
    const child = spawn(process.execPath, [file, settings], { stdio: ['pipe', 'pipe', 'inherit'] })
    const words: CallerReport[] = []
    createInterface({ input: child.stdout }).on('line', (line) => words.push(JSON.parse(line)))
    return { child, words, order: (order) => child.stdin.write(`${JSON.stringify(order)}\n`) }
  })
  for (const caller of started) callers.add(caller)
  await waitUntil(
    () => started.filter(({ words }) => words.length > 0).length,
    (ready) => ready === count,
    60_000,
  )
  return started
}

async function kill(all: Iterable<Caller>): Promise<void> {
  for (const caller of all) {
    callers.delete(caller)
    if (caller.child.exitCode === null && caller.child.signalCode === null) {
      caller.child.kill('SIGKILL')
      await once(caller.child, 'close')
    }
  }
}

const host = async (...how: Parameters<typeof startHost>) => {
  const started = await startHost(...how)
  hosts.add(started)
  return started
}

const wordsOf = (all: readonly Caller[]) => all.flatMap(({ words }) => words)
const answersOf = (all: readonly Caller[]) =>
  wordsOf(all).flatMap((word) => (word.kind === 'call' ? [word.answer] : []))
const answered = (all: readonly Caller[], count: number) =>
  waitUntil(
    () => answersOf(all),
    (answers) => answers.length === count,
    60_000,
  )

/** The last call may be unfinished while all others are deferred. */
const called = async (upstream: Host, count: number) => {
  await waitUntil(
    () => upstream.calls.length,
    (calls) => calls >= count,
  )
  expect(upstream.calls).toHaveLength(count)
}

/** Opens the breaker by another process. */
async function fail(upstream: Host): Promise<void> {
  const opener = await startCallers(upstream, 1)
  for (const caller of opener) caller.order({ kind: 'calls', at, calls: failureThreshold })
  await answered(opener, failureThreshold)
  await kill(opener)
}

afterEach(async () => {
  await kill([...callers])
  for (const each of hosts) await each.close()
  hosts.clear()
  await database.owner.pool.query('delete from reelpilot.circuit_breaker')
})

describe('processes that share a breaker', () => {
  it('make one probe together, and another one only after the first is lost', async () => {
    const recovered = Promise.withResolvers<number>()
    let isFailing = true
    const upstream = await host(() => (isFailing ? 503 : recovered.promise))
    await fail(upstream)
    isFailing = false

    const due = at + defaultOpenMs
    const all = await startCallers(upstream)
    for (const caller of all) caller.order({ kind: 'calls', at: due, calls: 10 })
    const others = await answered(all, 10 * processes - 1)
    expect(others.every(({ kind }) => kind === 'deferred')).toBe(true)
    await called(upstream, failureThreshold + 1)

    // The process with the probe is killed. Its permit is free after its timeout, and not before.
    const prober = all.filter((caller) => answersOf([caller]).length === 9)
    expect(prober).toHaveLength(1)
    await kill(prober)
    const left = all.filter((caller) => !prober.includes(caller))
    const calls = 5 * left.length
    const before = answersOf(left).length
    for (const caller of left) caller.order({ kind: 'calls', at: due + 30_000, calls: 5 })
    await answered(left, before + calls)
    expect(upstream.calls).toHaveLength(failureThreshold + 1)
    for (const caller of left) caller.order({ kind: 'calls', at: due + 40_000, calls: 5 })
    await answered(left, before + calls + calls - 1)
    await called(upstream, failureThreshold + 2)

    recovered.resolve(200)
    await answered(left, before + 2 * calls)
    expect(await rowOf(database, 'tiktok')).toMatchObject({ state: 'recovering' })
  }, 120_000)

  it('leave the breaker open for later processes when all of them die', async () => {
    const upstream = await host(() => 503)
    const first = await startCallers(upstream)
    for (const caller of first) caller.order({ kind: 'calls', at, calls: failureThreshold })
    await answered(first, failureThreshold * processes)
    const { length } = upstream.calls
    expect(await rowOf(database, 'tiktok')).toMatchObject({ state: 'open' })
    await kill(first)

    const second = await startCallers(upstream)
    for (const caller of second) caller.order({ kind: 'calls', at: at + defaultOpenMs - 1, calls: 3 })
    const answers = await answered(second, 3 * processes)
    expect(answers.every((answer) => answer.kind === 'deferred' && answer.reason === 'circuitOpen')).toBe(
      true,
    )
    expect(upstream.calls).toHaveLength(length)
  }, 120_000)

  it('make a bounded number of calls during ten minutes of 5xx and finish all jobs afterwards', async () => {
    const speed = 60
    const jobs = 25
    const atOnce = 3
    const minutes = 10
    let realFrom = Date.now()
    const now = () => at + (Date.now() - realFrom) * speed
    const over = at + minutes * 60_000
    let failed = 0
    const upstream = await host((arrivedAt) => {
      if (arrivedAt >= over) return 200
      failed += 1
      return 503
    }, now)
    const all = await startCallers(upstream)
    realFrom = Date.now()
    for (const caller of all) caller.order({ kind: 'jobs', from: at, realFrom, speed, jobs, atOnce })
    const done = await waitUntil(
      () => wordsOf(all).flatMap((word) => (word.kind === 'job' ? [word] : [])),
      (ended) => ended.length === processes * jobs,
      90_000,
    )

    // The calls that were running when it opened, and one probe per minute.
    const budget = failureThreshold - 1 + processes * atOnce + minutes
    expect(failed).toBeLessThanOrEqual(budget)
    expect(failed).toBeGreaterThan(failureThreshold)

    // Every attempt of a job is a call that the host received; a deferral costs none.
    const attempts = done.reduce((sum, job) => sum + job.attempts, 0)
    const deferrals = done.reduce((sum, job) => sum + job.deferrals, 0)
    expect(attempts).toBe(failed)
    expect(deferrals).toBeGreaterThan(processes * jobs)
    expect(upstream.calls).toHaveLength(failed + processes * jobs)
    expect(['recovering', 'closed']).toContain((await rowOf(database, 'tiktok'))?.state)
  }, 180_000)
})
