import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { breakerMachine } from '../../src/definitions/machines.ts'
import { contextOf } from '../../src/durable/machine.ts'
import type { Answer } from '../../src/providers/tiktok/http/answer.ts'
import { readBreakers } from '../../src/store/breaker/breakers.ts'
import type { TestDatabase } from '../support/database.ts'

export const ok = { kind: 'ok' } as const
export const serverError = { kind: 'unknown', cause: 'serverError', httpStatus: 503 } as const
export const deadToken = { kind: 'unauthorized', code: 'access_token_invalid' } as const

/** A call that returns the given answer and counts how often it was made. */
export function answering(answer: Answer<unknown>) {
  const calls = { made: 0 }
  const run = async () => {
    calls.made += 1
    return answer
  }
  return { calls, run }
}

/** A breaker's row; undefined if there is none. */
export async function rowOf({ runtime }: TestDatabase, key: string, accountId: string | null = null) {
  const { breakers } = await readBreakers(runtime.db, [{ key, accountId }])
  const [row] = breakers
  return row?.stored
    ? { ...row.stored, revision: row.revision, known: contextOf(breakerMachine, row.stored) }
    : undefined
}

/** The state changes in an organization's events, in order. */
export async function eventsOf(
  { runtime }: TestDatabase,
  organizationId: string,
): Promise<readonly string[]> {
  const events = await runtime.db
    .selectFrom('event')
    .select('payload')
    .where('organization_id', '=', organizationId)
    .where('type', '=', 'breaker.transitioned')
    .orderBy('sequence')
    .execute()
  return events.map(({ payload }) => {
    const { key, from, to } = payload as { key: string; from: string; to: string }
    return `${key}: ${from} to ${to}`
  })
}

/** A TikTok host with the endpoint `status` only, which records its calls. */
export interface Host {
  readonly url: string
  /** The time of each call, by the test's clock. */
  readonly calls: readonly number[]
  close(): Promise<void>
}

export async function startHost(
  answer: (arrivedAt: number) => number | Promise<number>,
  now: () => number = Date.now,
): Promise<Host> {
  const calls: number[] = []
  const server = createServer(async (request, response) => {
    const at = now()
    calls.push(at)
    request.resume()
    const status = await answer(at)
    response.writeHead(status, { 'content-type': 'application/json' })
    const error = { code: status === 200 ? 'ok' : 'internal_error', message: '', log_id: 'x' }
    response.end(JSON.stringify({ data: { status: 'PROCESSING_UPLOAD' }, error }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // Listening on TCP.
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
