import { describe, expect, test } from 'vitest'
import type { Answer } from '../../../../src/providers/tiktok/http/answer.ts'
import type { Guard, GuardedCall } from '../../../../src/providers/tiktok/http/guard.ts'
import { Secret } from '../../../../src/secret.ts'
import { calls, sendChunk } from '../calls.ts'
import { answering, chunk, clientAt, clientOf, nobody, noting, type Seen, serve, token } from '../support.ts'

const held = { kind: 'deferred', reason: 'rateLimit', afterSeconds: 7 } as const
const holding: Guard = async () => held

/** Lets everything through, and notes what it saw. */
function watching() {
  const seen: { readonly call: GuardedCall; readonly answer: Answer<unknown> }[] = []
  const guard: Guard = async (call, run) => {
    const answer = await run()
    seen.push({ call, answer })
    return answer
  }
  return { guard, seen }
}

const caller = { organizationId: 'organization', accountId: 'account', requester: 'job' }

describe('a guard', () => {
  test.each(calls)('turns $endpoint away without a byte on the wire', async ({ perform, success }) => {
    const seen: Seen[] = []
    const client = await clientOf(noting(seen, 200, success), { guard: holding })
    expect(await perform(client)).toEqual(held)
    expect(await perform(client.forCaller(caller))).toEqual(held)
    expect(seen).toEqual([])
  })

  test('turns a chunk away, of which nothing was read', async () => {
    const seen: Seen[] = []
    const base = await serve(noting(seen, 206, ''))
    async function* body(): AsyncGenerator<Uint8Array> {
      yield* [new Uint8Array(10)]
      throw new Error('somebody has read it')
    }
    const client = clientAt(base, { guard: holding })
    expect(await client.putChunk(new Secret(base), chunk(0, 9, body()))).toEqual(held)
    expect(seen).toEqual([])
  })

  test.each(calls)('is told that it is $endpoint, and for whom', async ({ endpoint, perform, success }) => {
    const { guard, seen } = watching()
    const client = await clientOf(answering(200, success), { guard })
    await perform(client)
    await perform(client.forCaller({ ...caller, accountId: 'another' }).forCaller(caller))
    expect(seen.map(({ call }) => call)).toEqual([{ endpoint }, { endpoint, caller }])
  })

  test.each([
    [206, 'stored', { kind: 'ok' }],
    [404, 'gone', { kind: 'ok' }],
    [429, 'retry', { kind: 'rateLimited', retryAfterSeconds: 3 }],
    [502, 'retry', { kind: 'unknown', cause: 'serverError', httpStatus: 502, retryAfterSeconds: 3 }],
    [302, 'unknown', { kind: 'unknown', cause: 'unreadable', httpStatus: 302 }],
  ])('hears of a chunk that was answered %d in the words of all calls', async (status, kind, told) => {
    const { guard, seen } = watching()
    const base = await serve(answering(status, '', { 'retry-after': '3' }))
    expect((await sendChunk(clientAt(base, { guard }).forCaller(caller), base)).kind).toBe(kind)
    expect(seen).toEqual([{ call: { endpoint: 'upload', caller }, answer: told }])
  })

  test('hears of an upload host that is out of reach', async () => {
    const { guard, seen } = watching()
    const base = await nobody()
    const expected = { kind: 'notSent', code: 'ECONNREFUSED' }
    expect(await sendChunk(clientAt(base, { guard }), base)).toEqual(expected)
    expect(seen[0]?.answer).toEqual(expected)
  })

  test('lets a fault of ours through', async () => {
    const base = await serve(answering(206, ''))
    const { guard, seen } = watching()
    const short = chunk(0, 9, new Uint8Array(5))
    await expect(clientAt(base, { guard }).putChunk(new Secret(base), short)).rejects.toThrow(RangeError)
    expect(seen).toEqual([])
  })

  test('may decide by what came before', async () => {
    let failures = 0
    const breaker: Guard = async (_, run) => {
      if (failures >= 2) return { kind: 'deferred', reason: 'breaker', afterSeconds: 60 }
      const answer = await run()
      failures = answer.kind === 'ok' ? 0 : failures + 1
      return answer
    }
    const seen: Seen[] = []
    const client = await clientOf(noting(seen, 503, ''), { guard: breaker })
    const kinds = []
    for (let call = 0; call < 4; call += 1) kinds.push((await client.creatorInfo(token)).kind)
    expect(kinds).toEqual(['unknown', 'unknown', 'deferred', 'deferred'])
    expect(seen).toHaveLength(2)
  })
})
