import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import pg from 'pg'
import { createApiKey } from '../../src/commands/tenant/create-api-key.ts'
import { createChangeNotifier } from '../../src/store/event/notify.ts'
import { type BenchDatabase, inFlight, median } from './bench-database.ts'
import type { ClientCommand, ClientReport, ClientSettings } from './fanout/clients.ts'
import type { ServerReport, ServerSettings } from './fanout/server.ts'
import type { Form, Row } from './row.ts'

type Variant = ServerSettings['variant']
type Protocol = ClientSettings['protocol']

/** What one round of one server measures. */
export interface FanoutFigures {
  readonly medianMs: number
  readonly p99Ms: number
  readonly commitMs: number
  readonly deliveriesPerSecond: number
  /** Processor time of the server process, which a busy machine distorts least. */
  readonly cpuMicrosPerDelivery: number
  readonly heapKbPerSubscriber: number
}

/** From the start of a commit until its one subscriber has the message: at most 4 ms more than the commit. */
export const commitToSubscriber: Row = fanoutRow('Commit to one subscriber (WebSocket)', {
  protocol: 'ws',
  subscribers: { full: 1, quick: 1 },
  figure: 'medianMs',
  unit: 'ms',
  better: 'lower',
  goal: 4,
  others: ['commitMs', 'p99Ms'],
})

export const webSocketFanout: Row = fanoutRow('Deliveries to 1,000 subscribers (WebSocket)', {
  protocol: 'ws',
  subscribers: { full: 1_000, quick: 300 },
  figure: 'deliveriesPerSecond',
  unit: 'deliveries/s',
  better: 'higher',
  goal: 0.8,
  others: ['medianMs', 'cpuMicrosPerDelivery', 'heapKbPerSubscriber'],
})

export const streamFanout: Row = fanoutRow('Deliveries to 1,000 subscribers (server-sent events)', {
  protocol: 'sse',
  subscribers: { full: 1_000, quick: 300 },
  figure: 'deliveriesPerSecond',
  unit: 'deliveries/s',
  better: 'higher',
  goal: 0.5,
  others: ['medianMs', 'cpuMicrosPerDelivery', 'heapKbPerSubscriber'],
})

/** The real server with real sockets, beside a bare server that listens, reads the rows and writes them to all. */
function fanoutRow(
  name: string,
  {
    protocol,
    subscribers,
    figure,
    others,
    ...rest
  }: Pick<Row, 'unit' | 'better' | 'goal'> & {
    readonly protocol: Protocol
    readonly subscribers: Readonly<Record<Form, number>>
    readonly figure: keyof FanoutFigures
    readonly others: readonly (keyof FanoutFigures)[]
  },
): Row {
  return {
    name,
    ...rest,
    async open(database, form) {
      const measured: Record<Variant, Partial<FanoutFigures>> = { product: {}, bare: {} }
      // A round measures each server once. Its first figure that is asked for again starts the next round.
      const figureOf = (variant: Variant, wanted: keyof FanoutFigures) => async () => {
        if (measured[variant][wanted] === undefined)
          measured[variant] = await measureFanout(database, {
            variant,
            protocol,
            subscribers: subscribers[form],
          })
        const { [wanted]: value = Number.NaN, ...remaining } = measured[variant]
        measured[variant] = remaining
        return value
      }
      return {
        product: figureOf('product', figure),
        limit: figureOf('bare', figure),
        others: Object.fromEntries(
          (['product', 'bare'] as const).flatMap((variant) =>
            others.map((each) => [`${variant}: ${labels[each]}`, figureOf(variant, each)]),
          ),
        ),
        close: async () => undefined,
      }
    },
  }
}

const labels: Readonly<Record<keyof FanoutFigures, string>> = {
  medianMs: 'commit to receipt p50, ms',
  p99Ms: 'commit to receipt p99, ms',
  commitMs: 'the commit p50, ms',
  deliveriesPerSecond: 'deliveries/s',
  cpuMicrosPerDelivery: 'server CPU a delivery, µs',
  heapKbPerSubscriber: 'heap of an idle subscriber, kB',
}

export interface FanoutOptions {
  readonly variant: Variant
  readonly protocol: Protocol
  readonly subscribers: number
  readonly serverFlags?: readonly string[]
}

/** The heap of an idle subscriber, in kB. */
export async function measureIdle(database: BenchDatabase, options: FanoutOptions): Promise<number> {
  const { server, clients, heapKbPerSubscriber } = await openSubscribers(database, options)
  await stopProcess(clients)
  await stopProcess(server)
  return heapKbPerSubscriber
}

/** A server with subscribers that have received nothing. */
async function openSubscribers(database: BenchDatabase, options: FanoutOptions) {
  const { variant, protocol, subscribers, serverFlags = [] } = options
  const { organizationId, url: databaseUrl } = database
  const created = await database.runtime.db
    .transaction()
    .execute((tx) => createApiKey(tx, { organizationId, name: 'Bench', scopes: ['read'] }))
  if (created.kind !== 'done') throw new Error(created.kind)
  const server = startProcess('server.ts', { variant, databaseUrl, organizationId }, [
    '--expose-gc',
    ...serverFlags,
  ])
  const { port } = await next<ServerReport>(server)
  const ask = () => request<ServerReport>(server, {})
  // The first subscriber makes the server load and cache what all of them use.
  const first = startProcess('clients.ts', { protocol, port, count: 1, apiKey: created.key })
  await next<ClientReport>(first)
  await stopProcess(first)
  await pause(200)
  const idle = await ask()
  const clients = startProcess('clients.ts', { protocol, port, count: subscribers, apiKey: created.key })
  await next<ClientReport>(clients)
  await pause(500)
  const heapKbPerSubscriber = ((await ask()).heapBytes - idle.heapBytes) / subscribers / 1_024
  return { server, clients, ask, heapKbPerSubscriber }
}

/** One server, its subscribers, paced events for the latency and a burst for the rate. */
export async function measureFanout(database: BenchDatabase, options: FanoutOptions): Promise<FanoutFigures> {
  const { variant, protocol, subscribers } = options
  const { server, clients, ask, heapKbPerSubscriber } = await openSubscribers(database, options)
  const publish = publisher(database, variant)
  const count = async () => {
    const report = await request<ClientReport>(clients, 'count')
    return report.kind === 'count' ? report : { count: 0, lastAt: 0 }
  }
  const untilReceived = async (expected: number) => {
    for (let tries = 0; tries < 3_000; tries += 1) {
      const report = await count()
      if (report.count >= expected) return report
      await pause(20)
    }
    throw new Error(`${variant} ${protocol}: ${(await count()).count} of ${expected} deliveries`)
  }

  await inFlight(20, 1, publish.one)
  await pause(500)
  await request(clients, 'reset')

  const paced = subscribers === 1 ? 100 : 30
  const commits: (readonly [number, number])[] = []
  const commitMs: number[] = []
  for (let index = 0; index < paced; index += 1) {
    const at = now()
    commits.push([await publish.one(), at])
    commitMs.push(now() - at)
    await pause(subscribers === 1 ? 15 + Math.random() * 15 : 60 + Math.random() * 40)
  }
  await untilReceived(paced * subscribers)
  const latencies = await request<ClientReport>(clients, { commits } satisfies ClientCommand)
  if (latencies.kind !== 'latencies') throw new Error(latencies.kind)

  await request(clients, 'reset')
  const burst = subscribers === 1 ? 500 : 60
  const before = await ask()
  const startedAt = now()
  await inFlight(burst, 8, publish.one)
  const { count: delivered, lastAt } = await untilReceived(burst * subscribers)
  const after = await ask()

  await Promise.all([stopProcess(clients), publish.close()])
  await stopProcess(server)
  return {
    medianMs: latencies.medianMs,
    p99Ms: latencies.p99Ms,
    commitMs: median(commitMs),
    deliveriesPerSecond: delivered / ((lastAt - startedAt) / 1_000),
    cpuMicrosPerDelivery: ((after.cpuMs - before.cpuMs) * 1_000) / delivered,
    heapKbPerSubscriber,
  }
}

/** Commits events one by one in one statement. Only the bare variant notifies within it: the product notifies after commits. */
function publisher({ url, runtime, organizationId }: BenchDatabase, variant: Variant) {
  const pool = new pg.Pool({ connectionString: url, max: 8 })
  const notifications = createChangeNotifier(runtime)
  const text = `
    with head as (update reelpilot.event_head set sequence = sequence + 1 where organization_id = $1 returning sequence),
    added as (
      insert into reelpilot.event (organization_id, sequence, type, payload)
      select $1, sequence, 'job.transitioned', '{"from": "submitting", "to": "checking", "event": "xstate.done", "tag": "working"}'
        from head returning sequence)
    select sequence${variant === 'bare' ? `, pg_notify('reelpilot', '')` : ''} from added`
  return {
    async one(): Promise<number> {
      const { rows } = await pool.query({ name: 'publish', text, values: [organizationId] })
      if (variant === 'product') notifications.send({ organizations: [organizationId], jobs: [] })
      return Number(rows[0].sequence)
    },
    async close() {
      await notifications.close()
      await pool.end()
    },
  }
}

function startProcess(
  file: string,
  settings: ServerSettings | ClientSettings,
  execArgv: readonly string[] = [],
): ChildProcess {
  const path = new URL(`fanout/${file}`, import.meta.url)
  return fork(path, [JSON.stringify(settings)], { execArgv: [...execArgv] })
}

async function stopProcess(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

function next<Report>(child: ChildProcess): Promise<Report> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`a process of the bench ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', (report) => {
      child.off('exit', onExit)
      resolve(report as Report)
    })
  })
}

function request<Report>(child: ChildProcess, message: object | string): Promise<Report> {
  const answer = next<Report>(child)
  child.send(message)
  return answer
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** The same clock in all processes of this machine, in milliseconds. */
const now = () => Number(process.hrtime.bigint()) / 1e6
