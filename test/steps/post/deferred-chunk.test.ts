import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { expect, it, onTestFinished } from 'vitest'
import { createDiskStorage } from '../../../src/providers/storage/disk-storage.ts'
import { createTikTokClient } from '../../../src/providers/tiktok/client.ts'
import { Secret } from '../../../src/secret.ts'
import { uploadChunk } from '../../../src/steps/post/upload-chunk.ts'
import type { StepDeps } from '../../../src/steps/step-deps.ts'
import { createEncryptor } from '../../../src/vault/encryptor.ts'
import { keyRingOf } from '../../../src/vault/key-ring.ts'

it('a deferred chunk closes its unread file and reports why it was deferred', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-deferred-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const disk = await createDiskStorage({ directory })
  const [organizationId, jobId, accountId] = [randomUUID(), randomUUID(), randomUUID()]
  const { sha256, bytes } = await disk.put(organizationId, Readable.from([randomBytes(100_000)]))
  const opened: Readable[] = []
  const storage: StepDeps['storage'] = {
    ...disk,
    async open(...args) {
      const stream = await disk.open(...args)
      opened.push(stream)
      return stream
    },
  }
  const ring = keyRingOf([randomBytes(32)])
  const encryptor = createEncryptor(() => ring)
  const tiktok = createTikTokClient({
    apiBase: 'http://127.0.0.1:1',
    clientKey: 'ck',
    clientSecret: new Secret('cs'),
    guard: async () => ({ kind: 'deferred', reason: 'circuitOpen', afterSeconds: 60 }),
  })
  const deps = { storage, encryptor, tiktok } as unknown as StepDeps // A chunk uses no other dependencies.
  const associatedData = { organizationId, row: jobId, column: 'upload_url' }
  const uploadUrlSealed = encryptor.seal(new Secret('http://127.0.0.1:1/upload'), associatedData)
  const context = {
    organizationId,
    jobId,
    key: `${jobId}/1`,
    mayHaveBegun: false,
    signal: new AbortController().signal,
    fence: async () => undefined,
    now: Date.now,
  }

  const outcome = await uploadChunk(deps, context, {
    accountId,
    slotId: randomUUID(),
    publishAt: Date.now(),
    mayBeLate: false,
    // Not the last chunk: no clearance is needed.
    post: { publishId: 'p', uploadUrlSealed, chunkSize: bytes / 2, chunkCount: 2, approvedHash: null },
    media: { sha256, bytes, contentType: 'video/mp4', seconds: 1, width: 360, height: 640 },
    chunk: 0,
  })
  expect(outcome).toMatchObject({
    error: {
      kind: 'deferred',
      afterSeconds: 60,
      failure: { source: 'reelpilot', code: 'circuitOpen', verdict: 'RETRY_AFTER' },
    },
  })
  const [stream] = opened
  if (stream && !stream.closed) await once(stream, 'close')
  expect(stream).toMatchObject({ destroyed: true, closed: true, bytesRead: 0 })
})
