import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { Secret } from '../../src/secret.ts'
import { startLocalTikTok } from '../../src/simulator/local-tiktok.ts'
import { startReceiver } from './receiver.ts'
import { chunkOf, clientOf, initPost, videoBytes, videoHash, wantedPost } from './support.ts'

const main = new URL('../../src/simulator/main.ts', import.meta.url).pathname
const ready = z.object({
  url: z.string(),
  app: z.object({ clientKey: z.string(), clientSecret: z.string(), redirectUri: z.string() }),
})

async function start(directory: string, port = '0', ...more: readonly string[]) {
  const settings = JSON.stringify({ processingMs: 0, moderationMs: 0 })
  const args = [main, '--port', port, '--directory', directory, '--settings', settings, ...more]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = await once(createInterface(child.stdout), 'line')
  return { child, ...ready.parse(JSON.parse(line)) }
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function sendControl(url: string, method: string, name: string, body?: unknown): Promise<unknown> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
  return (await fetch(`${url}/__local/${name}`, init)).json()
}

test('posts, half an upload, tokens and counters survive a kill', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'local-tiktok-test-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const first = await start(directory)
  await sendControl(first.url, 'POST', 'accounts', { username: 'ann' })
  const grant = z
    .object({ access_token: z.string(), refresh_token: z.string() })
    .parse(await sendControl(first.url, 'POST', 'grants', { username: 'ann' }))
  const token = new Secret(grant.access_token)
  const client = clientOf(first)
  const pair = { client, token }

  const done = await initPost(pair, wantedPost(5000, { title: 'done' }))
  await client.putChunk(done.uploadUrl, chunkOf(5000, 0))
  const size = 64_000_001
  const half = await initPost(pair, wantedPost(size, { title: 'half' }))
  await client.putChunk(half.uploadUrl, chunkOf(size, 0))
  expect((await client.refreshToken(new Secret(grant.refresh_token))).kind).toBe('ok')
  await sendControl(first.url, 'POST', 'advance', { seconds: 600 })

  // The process is killed while the second chunk is half written.
  const underWay = Promise.withResolvers<void>()
  async function* endless() {
    yield* videoBytes(10_000_000, 14_999_999)
    underWay.resolve()
    await new Promise(() => {})
  }
  const abortedUpload = client.putChunk(half.uploadUrl, { ...chunkOf(size, 1), body: endless() })
  await underWay.promise
  const before = await sendControl(first.url, 'GET', 'posts')
  await kill(first.child)
  expect((await abortedUpload).kind).toBe('unknown')
  // A last line that the kill left incomplete.
  await appendFile(join(directory, 'records.jsonl'), '["publish","v_pub_file~v2-1.1",{"publi')

  const second = await start(directory, new URL(first.url).port)
  expect(second.url).toBe(first.url)
  expect(await sendControl(second.url, 'GET', 'posts')).toEqual(before)
  expect(before).toMatchObject([
    { title: 'done', sha256: videoHash(5000), status: 'PUBLISH_COMPLETE', postIds: [expect.any(String)] },
    { title: 'half', bytes: 10_000_000, status: 'PROCESSING_UPLOAD' },
  ])
  expect(await client.refreshToken(new Secret(grant.refresh_token))).toMatchObject({ code: 'invalid_grant' })

  for (let index = 1; index <= 5; index += 1) await client.putChunk(half.uploadUrl, chunkOf(size, index))
  expect(await client.status(token, half.publishId)).toMatchObject({ status: 'PUBLISH_COMPLETE' })
  expect(await sendControl(second.url, 'GET', 'posts')).toMatchObject([{}, { sha256: videoHash(size) }])
  expect(await sendControl(second.url, 'GET', 'counters')).toMatchObject({
    inits: 2,
    puts: 7,
    bytes: 5000 + size,
    refreshes: 1,
    refreshReuse: 1,
  })

  second.child.kill('SIGTERM')
  expect(await once(second.child, 'exit')).toEqual([0, null])
})

test('webhooks that were not sent before a kill are sent after the restart', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'local-tiktok-test-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const receiver = await startReceiver()
  receiver.answer(500)
  const fault = { endpoint: 'webhook', probability: 1, seed: 1, effect: { kind: 'dropBefore' } }
  const first = await start(
    directory,
    '0',
    '--app',
    JSON.stringify({ webhookUrl: receiver.url }),
    '--faults',
    JSON.stringify([fault]),
  )
  await sendControl(first.url, 'POST', 'accounts', { username: 'ann' })
  const grant = await sendControl(first.url, 'POST', 'grants', { username: 'ann' })
  const token = new Secret(z.object({ access_token: z.string() }).parse(grant).access_token)
  const started = await initPost({ client: clientOf(first), token }, wantedPost(1000))
  await clientOf(first).putChunk(started.uploadUrl, chunkOf(1000, 0))
  await sendControl(first.url, 'POST', 'webhooks/flush')
  expect(await sendControl(first.url, 'GET', 'webhooks')).toMatchObject([
    { event: 'post.publish.complete', state: 'waiting', answer: 'not sent' },
    { event: 'post.publish.publicly_available', state: 'waiting', answer: 'not sent' },
  ])
  await kill(first.child)
  expect(receiver.events()).toEqual([])

  receiver.answer(200)
  const second = await start(directory)
  await sendControl(second.url, 'POST', 'advance', { seconds: 60 })
  await sendControl(second.url, 'POST', 'webhooks/flush')
  expect(receiver.events()).toEqual(['complete', 'publicly_available'])
  await kill(second.child)

  const third = await start(directory)
  await sendControl(third.url, 'POST', 'webhooks/flush')
  expect(receiver.events()).toHaveLength(2)
  expect(await sendControl(third.url, 'GET', 'counters')).toMatchObject({
    webhooksAccepted: 2,
    webhooksRetried: 2,
  })
})

test('a start on a taken port does not touch the directory of the running simulator', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'local-tiktok-test-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const owner = await startLocalTikTok({ directory })
  const port = Number(new URL(owner.url).port)
  await expect(startLocalTikTok({ directory, port })).rejects.toThrow('EADDRINUSE')
  owner.createAccount({ username: 'ann' })
  await owner.stop()
  const restarted = await startLocalTikTok({ directory })
  onTestFinished(() => restarted.stop())
  expect(restarted.accounts()).toMatchObject([{ username: 'ann' }])
})
