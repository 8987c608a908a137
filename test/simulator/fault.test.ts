import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/secret.ts'
import { createFaults } from '../../src/simulator/fault.ts'
import { chunkOf, clientOf, initPost, startPair, videoHash, wantedPost } from './support.ts'

describe('a fault', () => {
  test('after an init leaves a post of which the client knows nothing', async () => {
    const { client, token, local } = await startPair()
    local.injectFault({ endpoint: 'videoInit', nth: 1, effect: { kind: 'dropAfter' } })
    expect(await client.initDirectPost(token, wantedPost(1))).toMatchObject({
      kind: 'unknown',
      cause: 'connectionLost',
    })
    expect(local.counters()).toMatchObject({ inits: 1, faults: 1 })
    expect(local.posts()).toHaveLength(1)
  })

  test('before an init leaves no post, but looks the same to the client', async () => {
    const { client, token, local } = await startPair()
    local.injectFault({ endpoint: 'videoInit', nth: 1, effect: { kind: 'dropBefore' } })
    expect((await client.initDirectPost(token, wantedPost(1))).kind).toBe('unknown')
    expect(local.posts()).toEqual([])
  })

  test('that cuts the body of an init’s answer makes its outcome unknown', async () => {
    const { client, token, local } = await startPair()
    local.injectFault({ endpoint: 'videoInit', nth: 1, effect: { kind: 'garble' } })
    expect(await client.initDirectPost(token, wantedPost(1))).toMatchObject({ cause: 'unreadable' })
    expect(local.posts()).toHaveLength(1)
  })

  test('that delays an init beyond the deadline makes its outcome unknown, not refused', async () => {
    const { local, token } = await startPair()
    local.injectFault({ endpoint: 'videoInit', nth: 1, effect: { kind: 'delay', delayMs: 200 } })
    const hasty = clientOf(local, 50)
    expect(await hasty.initDirectPost(token, wantedPost(1))).toEqual({ kind: 'unknown', cause: 'timeout' })
  })

  test('of two 502 answers to a chunk is overcome by sending the chunk again', async () => {
    const pair = await startPair()
    const { client, local } = pair
    const size = 64_000_001
    const { uploadUrl } = await initPost(pair, wantedPost(size))
    for (const nth of [3, 4]) {
      local.injectFault({
        endpoint: 'upload',
        nth,
        effect: { kind: 'status', status: 502, retryAfterSeconds: 2 },
      })
    }
    const kinds = []
    for (const index of [0, 1, 2, 2, 2, 3, 4, 5]) {
      kinds.push((await client.putChunk(uploadUrl, chunkOf(size, index))).kind)
    }
    expect(kinds).toEqual(['stored', 'stored', 'retry', 'retry', 'stored', 'stored', 'stored', 'complete'])
    expect(local.posts()).toMatchObject([{ sha256: videoHash(size) }])
    expect(local.counters().refused).toEqual({ http_502: 2 })
  })

  test('that cuts the connection after a chunk shows in the range that answers the next attempt', async () => {
    const pair = await startPair()
    const { client, local } = pair
    const size = 64_000_001
    const { uploadUrl } = await initPost(pair, wantedPost(size))
    local.injectFault({ endpoint: 'upload', nth: 1, effect: { kind: 'dropAfter' } })
    expect((await client.putChunk(uploadUrl, chunkOf(size, 0))).kind).toBe('unknown')
    expect(await client.putChunk(uploadUrl, chunkOf(size, 0))).toEqual({
      kind: 'rangeMismatch',
      uploadedBytes: 10_000_000,
    })
  })

  test('can be any code with status 200, as creator info answers', async () => {
    const { client, token, local } = await startPair()
    const code = 'spam_risk_user_banned_from_posting'
    local.injectFault({ endpoint: 'creatorInfo', nth: 1, effect: { kind: 'status', status: 200, code } })
    expect(await client.creatorInfo(token)).toMatchObject({ kind: 'refused', httpStatus: 200, code })
    expect(await client.creatorInfo(token)).toMatchObject({ kind: 'ok' })
  })

  test('with a probability affects the same calls for the same seed until it is cleared', () => {
    const affectedCalls = () => {
      const faults = createFaults()
      faults.inject({ endpoint: 'token', probability: 0.5, seed: 7, effect: { kind: 'dropBefore' } })
      const affected = Array.from({ length: 200 }, () => faults.apply('token') !== undefined)
      faults.clear()
      expect(faults.apply('token')).toBeUndefined()
      return affected
    }
    const affected = affectedCalls()
    expect(affected).toEqual(affectedCalls())
    const hits = affected.filter(Boolean).length
    expect(hits).toBeGreaterThan(70)
    expect(hits).toBeLessThan(130)
  })
})

test('no answer of the client prints a token or an upload URL under any fault', async () => {
  const pair = await startPair()
  const { client, token, local } = pair
  const refreshed = new Secret(local.grant('ann').refresh_token)
  const started = await initPost(pair, wantedPost(1000))
  const answers: unknown[] = [
    started,
    client,
    token,
    await client.refreshToken(refreshed),
    await client.refreshToken(refreshed),
    await client.creatorInfo(new Secret('act.broken\ntoken')),
    await client.putChunk(started.uploadUrl, chunkOf(1000, 0)),
  ]
  for (const kind of ['dropBefore', 'garble'] as const) {
    local.injectFault({ endpoint: 'videoInit', nth: 1, effect: { kind } })
    answers.push(await client.initDirectPost(token, wantedPost(1)))
  }
  await local.stop()
  answers.push(await client.initDirectPost(token, wantedPost(1)))
  answers.push(await client.putChunk(started.uploadUrl, chunkOf(1000, 0)))

  const printed =
    inspect(answers, { depth: null, showHidden: true }) + JSON.stringify(answers) + answers.map(String)
  expect(printed).toContain('[redacted]')
  expect(printed).not.toMatch(/act\.|rft\.|upload_token/)
  expect(`${token}`).toBe('[redacted]')
})
