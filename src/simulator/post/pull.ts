import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { mediaPath, type SimulatorDependencies } from '../dependencies.ts'
import type { Publish } from '../record.ts'
import type { Outbox } from '../webhook/outbox.ts'
import { checkPhoto, checkVideo } from './media-check.ts'
import { progressOf } from './progress.ts'
import { type CompletedMedia, completePublish, savePublish } from './publish-record.ts'
import { isLoopback } from './pull-url.ts'
import { pullFailure } from './timeline.ts'
import { readTitleDirectives } from './title-directives.ts'

/** TikTok's "4 GB" and "20 MB" in binary units, the looser reading. */
const maxBytes = { video: 4_294_967_296, photo: 20_971_520 }

export interface Pulls {
  /** Starts the download of a post in the background. */
  start(publish: Publish): void
  /** Aborts all downloads. They start again when the simulator starts again. */
  stop(): Promise<void>
}

/**
 * Downloads media by URL. Only loopback URLs are downloaded; other downloads are simulated, because a rehearsal must not
 * access the network. Redirects are not followed; any status but 200 fails the post. Source: media transfer guide.
 */
export function createPulls(dependencies: SimulatorDependencies & { readonly outbox: Outbox }): Pulls {
  const { recordStore } = dependencies
  const aborter = new AbortController()
  const running = new Set<Promise<void>>()

  const run = async (publish: Publish) => {
    const media = await download(dependencies, publish, aborter.signal).catch(() => undefined)
    const current = recordStore.get('publish', publish.publishId)
    // The post was cancelled or timed out, or the simulator is stopping: the bytes do not count.
    const isOver = !current || progressOf(current, dependencies.now()).status === 'FAILED'
    if (isOver || aborter.signal.aborted) return

    const now = dependencies.now()
    const at = Math.max(now, publish.createdAt + dependencies.settings().pullMs)
    const next = media
      ? completePublish(dependencies, current, { ...media, at })
      : { ...current, stopped: { at: now, reason: pullFailure(current) } }
    savePublish(dependencies, next)
  }
  const start = (publish: Publish) => {
    if (readTitleDirectives(publish.title).isStuck) return
    const ended = run(publish).finally(() => running.delete(ended))
    running.add(ended)
  }
  for (const publish of recordStore.all('publish')) {
    if (publish.pull && !publish.completedAt && !publish.stopped) start(publish)
  }

  return {
    start,
    async stop() {
      aborter.abort()
      await Promise.allSettled(running)
    },
  }
}

type Downloaded = Omit<CompletedMedia, 'at'>

async function download(
  dependencies: SimulatorDependencies,
  publish: Publish,
  signal: AbortSignal,
): Promise<Downloaded> {
  const urls = publish.pull?.urls.map((url) => new URL(url)) ?? []
  const hash = createHash('sha256')
  let received = 0
  let failReason: string | undefined
  let isDownloaded = true
  for (const [index, url] of urls.entries()) {
    if (!isLoopback(url)) {
      isDownloaded = false
      continue
    }
    const isPhoto = publish.media === 'photo'
    const path = mediaPath(dependencies, publish.publishId, isPhoto ? index : undefined)
    received += await fetchFile(url, path, maxBytes[publish.media], signal)
    await pipeline(createReadStream(path), async (parts) => {
      for await (const part of parts) hash.update(part)
    })
    if (dependencies.settings().checkMedia) {
      failReason ??= isPhoto
        ? await checkPhoto(path)
        : (await checkVideo(path, dependencies.recordStore.get('account', publish.openId))).failReason
    }
  }
  return {
    received,
    ...(isDownloaded && { sha256: hash.digest('hex') }),
    ...(failReason !== undefined && { mediaFailReason: failReason }),
  }
}

async function fetchFile(url: URL, path: string, maxFileBytes: number, signal: AbortSignal): Promise<number> {
  const response = await fetch(url, { redirect: 'manual', signal })
  if (response.status !== 200 || !response.body) throw new Error(`HTTP ${response.status}`)
  let bytes = 0
  await pipeline(
    response.body,
    async function* (parts: AsyncIterable<Uint8Array>) {
      for await (const part of parts) {
        bytes += part.length
        if (bytes > maxFileBytes) throw new Error('too large')
        yield part
      }
    },
    createWriteStream(path),
  )
  return bytes
}
