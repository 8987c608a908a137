import { createHash, randomBytes } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { createTikTokClient, type TikTokClient } from '../../src/providers/tiktok/client.ts'
import { type ChunkPlan, chunkRange, planChunks } from '../../src/providers/tiktok/post/chunk-plan.ts'
import type { Chunk } from '../../src/providers/tiktok/post/put-chunk.ts'
import type { DirectPost, PostInfo, StartedPost } from '../../src/providers/tiktok/post/start-upload.ts'
import { Secret } from '../../src/secret.ts'
import { startLocalTikTok } from '../../src/simulator/local-tiktok.ts'
import type { SimulatorSettings } from '../../src/simulator/settings.ts'
import type { LocalTikTok } from '../../src/simulator/simulator.ts'

export interface Pair {
  readonly local: LocalTikTok
  readonly client: TikTokClient
  readonly token: Secret
}

/** Starts a local TikTok with one public account, `ann`, and creates a client with her access token. */
export async function startPair(settings: Partial<SimulatorSettings> = {}): Promise<Pair> {
  const local = await startLocalTikTok({ settings: { processingMs: 0, moderationMs: 0, ...settings } })
  onTestFinished(() => local.stop())
  local.createAccount({ username: 'ann', nickname: 'Ann' })
  return { local, client: clientOf(local), token: tokenOf(local) }
}

/** What a client must know of a simulator in this or another process. */
interface ClientTarget {
  readonly url: string
  readonly app: Pick<LocalTikTok['app'], 'clientKey' | 'clientSecret'>
}

export function clientOf(local: ClientTarget, deadlineMs = 10_000): TikTokClient {
  return createTikTokClient({
    apiBase: local.url,
    clientKey: local.app.clientKey,
    clientSecret: new Secret(local.app.clientSecret),
    deadlineMs,
  })
}

export function tokenOf(local: LocalTikTok, username = 'ann', scopes?: readonly string[]): Secret {
  return new Secret(local.grant(username, scopes).access_token)
}

export function wantedPost(size: number, post: Partial<PostInfo> = {}, plan = planOf(size)): DirectPost {
  return {
    post: {
      title: 'Morning in the workshop #wood',
      privacyLevel: 'PUBLIC_TO_EVERYONE',
      disableComment: false,
      disableDuet: false,
      disableStitch: false,
      brandContent: false,
      brandOrganic: false,
      isAigc: true,
      ...post,
    },
    videoSize: size,
    plan,
  }
}

export function planOf(size: number): ChunkPlan {
  const plan = planChunks(size)
  if (plan.kind === 'refused') throw new RangeError(`${size} bytes`)
  return plan
}

/** Initializes a direct post; throws if it is refused. */
export async function initPost(
  { client, token }: Pick<Pair, 'client' | 'token'>,
  wanted: DirectPost,
): Promise<StartedPost> {
  const answer = await client.initDirectPost(token, wanted)
  if (answer.kind !== 'ok') throw new Error(`init answered ${JSON.stringify(answer)}`)
  return answer
}

const pattern = randomBytes(1 << 16)

/** Bytes of a fake video. Each block contains its own number, so that a misplaced block changes the hash. */
export function* videoBytes(first: number, last: number): Generator<Uint8Array> {
  for (let at = first; at <= last; ) {
    const block = Math.floor(at / pattern.length)
    const within = at % pattern.length
    const bytes = Buffer.from(pattern)
    bytes.writeUInt32BE(block, 8)
    const part = bytes.subarray(within, Math.min(pattern.length, within + last - at + 1))
    yield part
    at += part.length
  }
}

export function videoHash(size: number): string {
  const hash = createHash('sha256')
  for (const part of videoBytes(0, size - 1)) hash.update(part)
  return hash.digest('hex')
}

export function chunkOf(size: number, index: number, plan = planOf(size)): Chunk {
  const range = chunkRange(plan, size, index)
  return { ...range, total: size, contentType: 'video/mp4', body: stream(range.first, range.last) }
}

async function* stream(first: number, last: number): AsyncGenerator<Uint8Array> {
  yield* videoBytes(first, last)
}

/** Polls until the value satisfies `done`; the test's timeout is the limit. */
export async function until<Value>(
  read: () => Promise<Value>,
  done: (value: Value) => boolean,
): Promise<Value> {
  for (;;) {
    const value = await read()
    if (done(value)) return value
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
