import { randomUUID } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { createBoss } from '../../src/queue/boss.ts'
import { FairWorker } from '../../src/queue/fair-worker.ts'
import { queues } from '../../src/queue/queue-settings.ts'
import { queueWakeUps } from '../../src/queue/wake.ts'
import { createTestDatabase } from '../support/database.ts'
import { waitUntil } from '../support/wait.ts'

const database = await createTestDatabase()

/** Forwards to Postgres, and cuts the first connection that sends `text`: before the server sees it, or after it has answered. */
async function startCuttingProxy(text: string, when: 'before' | 'after') {
  const upstream = new URL(database.url)
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((client) => {
    const postgres = connect(Number(upstream.port), upstream.hostname)
    let isAwaited = false
    const cut = () => {
      client.destroy()
      postgres.destroy()
    }
    for (const socket of [client, postgres]) {
      sockets.add(socket)
      socket.on('error', cut).on('close', cut)
    }
    client.on('data', (bytes) => {
      if (!isCut && bytes.includes(text)) {
        isCut = true
        if (when === 'before') return cut()
        isAwaited = true
      }
      postgres.write(bytes)
    })
    postgres.on('data', (bytes) => (isAwaited ? cut() : client.write(bytes)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const url = new URL(database.url)
  url.port = String((server.address() as { port: number }).port)
  return { url: url.href, isCut: () => isCut }
}

it.each(['before', 'after'] as const)(
  'completions whose connection is lost %s their commit are repeated, and no work is performed twice',
  async (when) => {
    const proxy = await startCuttingProxy(`state = 'completed'`, when)
    const boss = createBoss({
      url: proxy.url,
      role: 'reelpilot_runtime',
      name: 'test',
      supervises: false,
      onError: () => undefined,
    })
    await boss.start()
    onTestFinished(() => boss.stop({ graceful: false }))
    const organizationId = randomUUID()
    const wakeUps = Array.from({ length: 100 }, () => ({ jobId: randomUUID(), organizationId, reason: 1 }))
    await queueWakeUps(boss, wakeUps)
    const performed: string[] = []
    const worker = new FairWorker<{ readonly jobId: string }>({
      boss,
      queue: queues.wake,
      concurrency: 10,
      reserve: () => 0,
      perform: async ({ data }) => void performed.push(data.jobId),
    })
    onTestFinished(() => worker.stop(5_000))
    const left = () =>
      database.owner.pool.query(
        `select retry_count, state from reelpilot_queue.job where name = $1 and (state <> 'completed' or retry_count > 0)`,
        [queues.wake],
      )
    await waitUntil(left, ({ rows }) => rows.length === 0)
    expect(proxy.isCut()).toBe(true)
    expect(performed.toSorted()).toEqual(wakeUps.map(({ jobId }) => jobId).toSorted())
  },
)
