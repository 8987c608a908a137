import { describe, expect, test } from 'vitest'
import type { Answer } from '../../../../src/providers/tiktok/http/answer.ts'
import type { Guard, GuardedCall } from '../../../../src/providers/tiktok/http/guard.ts'
import { Secret } from '../../../../src/secret.ts'
import { calls, sendChunk } from '../calls.ts'
import {
  answerWith,
  chunk,
  clientAt,
  clientOf,
  closedPort,
  type RecordedRequest,
  recording,
  startServer,
  token,
} from '../support.ts'

const deferred = { kind: 'deferred', reason: 'rateLimit', afterSeconds: 7 } as const
const deferring: Guard = async () => deferred

/** Permits every call and records it. */
function recordingGuard() {
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
  test.each(calls)('that defers $endpoint sends no request', async ({ perform, success }) => {
    const seen: RecordedRequest[] = []
    const client = await clientOf(recording(seen, 200, success), { guard: deferring })
    expect(await perform(client)).toEqual(deferred)
    expect(await perform(client.forCaller(caller))).toEqual(deferred)
    expect(seen).toEqual([])
  })

  test('that defers a chunk does not read its body', async () => {
    const seen: RecordedRequest[] = []
    const base = await startServer(recording(seen, 206, ''))
    async function* body(): AsyncGenerator<Uint8Array> {
      yield* [new Uint8Array(10)]
      throw new Error('the body was read')
    }
    const client = clientAt(base, { guard: deferring })
    expect(await client.putChunk(new Secret(base), chunk(0, 9, body()))).toEqual(deferred)
    expect(seen).toEqual([])
  })

  test.each(calls)('receives $endpoint and its caller', async ({ endpoint, perform, success }) => {
    const { guard, seen } = recordingGuard()
    const client = await clientOf(answerWith(200, success), { guard })
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
  ])('receives a chunk’s answer %d as the answer of any other call', async (status, kind, expected) => {
    const { guard, seen } = recordingGuard()
    const base = await startServer(answerWith(status, '', { 'retry-after': '3' }))
    expect((await sendChunk(clientAt(base, { guard }).forCaller(caller), base)).kind).toBe(kind)
    expect(seen).toEqual([{ call: { endpoint: 'upload', caller }, answer: expected }])
  })

  test('learns that the upload host is unreachable', async () => {
    const { guard, seen } = recordingGuard()
    const base = await closedPort()
    const expected = { kind: 'notSent', code: 'ECONNREFUSED' }
    expect(await sendChunk(clientAt(base, { guard }), base)).toEqual(expected)
    expect(seen[0]?.answer).toEqual(expected)
  })

  test('passes on an error of the chunk’s body', async () => {
    const base = await startServer(answerWith(206, ''))
    const { guard, seen } = recordingGuard()
    const short = chunk(0, 9, new Uint8Array(5))
    await expect(clientAt(base, { guard }).putChunk(new Secret(base), short)).rejects.toThrow(RangeError)
    expect(seen).toEqual([])
  })

  test('can open after failures, as a circuit breaker does', async () => {
    let failures = 0
    const breaker: Guard = async (_, run) => {
      if (failures >= 2) return { kind: 'deferred', reason: 'breaker', afterSeconds: 60 }
      const answer = await run()
      failures = answer.kind === 'ok' ? 0 : failures + 1
      return answer
    }
    const seen: RecordedRequest[] = []
    const client = await clientOf(recording(seen, 503, ''), { guard: breaker })
    const kinds = []
    for (let call = 0; call < 4; call += 1) kinds.push((await client.creatorInfo(token)).kind)
    expect(kinds).toEqual(['unknown', 'unknown', 'deferred', 'deferred'])
    expect(seen).toHaveLength(2)
  })
})
