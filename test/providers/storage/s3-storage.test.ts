import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import type { Bucket } from '../../../src/providers/storage/s3/s3-client.ts'
import { listObjects } from '../../../src/providers/storage/s3/s3-listing.ts'
import { createS3Storage, type S3StorageOptions } from '../../../src/providers/storage/s3/s3-storage.ts'
import { ContentMismatch, StorageFault, StorageFull } from '../../../src/providers/storage/storage.ts'
import { Secret } from '../../../src/secret.ts'
import { useRadosgw } from '../../support/s3/radosgw.ts'
import { startStorageProxy } from '../../support/s3/storage-proxy.ts'
import { useSwift } from '../../support/s3/swift.ts'
import { createTestBucket } from '../../support/s3/test-bucket.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { content, itStoresObjects, org, sha256, startPutting, streamed } from './storage-suite.ts'

const radosgw = await useRadosgw()
const swift = await useSwift()

const maxBytes = 100_000_000

describe.each([
  ['radosgw', radosgw],
  ['Swift', swift],
] as const)('an S3 storage on %s', (name, server) => {
  async function openBucket({ skip }: TestContext) {
    if (!server) return skip(`${name} is not installed`)
    const bucket = await createTestBucket(server)
    const directories: string[] = []
    const openOther = async (options: Partial<S3StorageOptions> = {}) => {
      const directory = await temporaryDirectory()
      directories.push(directory)
      return await createS3Storage({ bucket, cache: { directory, maxBytes }, ...options })
    }
    const names = async () => {
      const objects: string[] = []
      for await (const { key } of listObjects(bucket.client, '')) objects.push(path.basename(key))
      return [...objects, ...directories.flatMap((directory) => partsIn(directory))]
    }
    return { bucket, directories, storage: await openOther(), openOther, names }
  }

  itStoresObjects(openBucket)

  const faultOf = async (context: TestContext, options: (bucket: Bucket) => Partial<S3StorageOptions>) => {
    const { bucket, openOther } = await openBucket(context)
    const storage = await openOther(options(bucket))
    const error = await storage.put(org, streamed(content)).catch((cause) => cause)
    expect(error).toBeInstanceOf(StorageFault)
    await expect(storage.check()).rejects.toMatchObject({ fault: error.fault })
    await expect(storage.open(org, sha256)).rejects.toMatchObject({ fault: error.fault })
    await expect(storage.stat(org, sha256)).rejects.toBeInstanceOf(StorageFault)
    expect(`${error.stack}${JSON.stringify(error)}`).not.toContain(bucket.secretAccessKey.reveal())
    return error.fault
  }

  it('can be used as it is set up', async (context) => {
    const { storage, names } = await openBucket(context)
    await storage.check()
    expect(await names()).toEqual([])
  })

  it('says that the secret key is wrong, or the access key', async (context) => {
    const withKeys = (wrong: Partial<Bucket>) => (bucket: Bucket) => ({ bucket: { ...bucket, ...wrong } })
    const wrongSecret = withKeys({ secretAccessKey: new Secret('wrong') })
    expect(await faultOf(context, wrongSecret)).toBe('STORAGE_CREDENTIALS')
    expect(await faultOf(context, withKeys({ accessKeyId: 'test:nobody' }))).toBe('STORAGE_CREDENTIALS')
  })

  it('says that the clock is wrong', async (context) => {
    const inAnHour = () => ({ now: () => Date.now() + 3_600_000 })
    expect(await faultOf(context, inAnHour)).toBe('STORAGE_CLOCK')
  })

  it('says that the bucket does not exist', async (context) => {
    expect(await faultOf(context, (bucket) => ({ bucket: { ...bucket, name: 'no-such-bucket' } }))).toBe(
      'STORAGE_BUCKET',
    )
  })

  it('says that nothing answers', async (context) => {
    const gone = (bucket: Bucket) => ({ bucket: { ...bucket, endpoint: 'http://127.0.0.1:1' } })
    expect(await faultOf(context, gone)).toBe('STORAGE_UNREACHABLE')
  })

  it('stores nothing of an upload that is damaged on its way, and finds one whose answer was lost', async (context) => {
    const { bucket, openOther, names } = await openBucket(context)
    const proxy = await startStorageProxy(bucket.endpoint)
    const storage = await openOther({ bucket: { ...bucket, endpoint: proxy.endpoint } })
    // The server's answer to the first request says whether it knows conditions.
    const { sha256: first } = await storage.put(org, streamed(content.subarray(1)))
    proxy.damageAfter(200_000)
    await expect(storage.put(org, streamed(content))).rejects.toMatchObject({ fault: 'STORAGE_BUSY' })
    expect(await names()).toEqual([first])
    if (name !== 'radosgw') return
    proxy.loseAnswer()
    expect(await storage.put(org, streamed(content))).toEqual({ sha256, bytes: content.length })
    expect((await names()).toSorted()).toEqual([first, sha256].toSorted())
  })

  it('is refused content that is not what was signed', async (context) => {
    const { bucket, names } = await openBucket(context)
    const damaged = bucket.client.send({
      method: 'PUT',
      key: `${org}/${sha256}`,
      headers: { 'x-amz-content-sha256': sha256 },
      body: new Blob([content.subarray(1)]),
    })
    await expect(damaged).rejects.toMatchObject({ name: 'StorageFault', fault: 'STORAGE_BUSY' })
    expect(await names()).toEqual([])
  })

  it('has nothing of an upload whose process was killed, and neither has the machine after the sweep', async (context) => {
    const { bucket, directories, openOther, names } = await openBucket(context)
    const proxy = await startStorageProxy(bucket.endpoint)
    const directory = await temporaryDirectory()
    directories.push(directory)
    const { name, accessKeyId } = bucket
    const secretAccessKey = bucket.secretAccessKey.reveal()
    const stalled = proxy.stallAfter(2_000_000)
    const { kill } = startPutting({
      kind: 's3',
      directory,
      endpoint: proxy.endpoint,
      name,
      accessKeyId,
      secretAccessKey,
    })
    await stalled
    await kill()
    await proxy.stop()
    expect(await names()).toEqual([expect.stringMatching(/\.part$/)])
    const storage = await openOther({ cache: { directory, maxBytes } })
    expect(await storage.removeIncomplete(60_000)).toBe(0)
    expect(await storage.removeIncomplete(0)).toBe(1)
    expect(await names()).toEqual([])
  })

  it('gives no file for an object whose content was changed, and keeps none', async (context) => {
    const { bucket, storage, openOther, names } = await openBucket(context)
    await storage.put(org, streamed(content))
    const body = new Blob([content.subarray(1)])
    const changed = await bucket.client.send({ method: 'PUT', key: `${org}/${sha256}`, body })
    await changed.body?.cancel()
    const other = await openOther()
    const used = other.withFile(org, sha256, () => Promise.resolve('called'))
    await expect(used).rejects.toBeInstanceOf(ContentMismatch)
    expect(await storage.verify(org, sha256)).toBe('corrupt')
    expect(await names()).toEqual([sha256])
  })

  it('keeps the files that were used last, and those in use', async (context) => {
    const { storage, openOther } = await openBucket(context)
    const objects = []
    for (const size of [100, 200, 300]) objects.push(await storage.put(org, streamed(content.subarray(size))))
    const [first = '', second = '', third = ''] = objects.map((object) => object.sha256)
    const directory = await temporaryDirectory()
    // Two of the three fit.
    const small = await openOther({ cache: { directory, maxBytes: 650_000 } })
    const cached = () => readdirSync(path.join(directory, org)).toSorted()
    await small.withFile(org, first, async (file) => {
      await small.withFile(org, second, async () => undefined)
      await small.withFile(org, third, async () => undefined)
      expect(cached()).toEqual([second, third].toSorted())
      expect(await readSize(file)).toBe(299_900)
    })
    await small.withFile(org, second, async () => undefined)
    await small.withFile(org, first, async () => undefined)
    expect(cached()).toEqual([first, second].toSorted())
    // An object that is larger than the cache is fetched for each use.
    const tiny = await openOther({ cache: { directory: await temporaryDirectory(), maxBytes: 1 } })
    expect(await tiny.withFile(org, first, readSize)).toBe(299_900)
    expect(partsIn(directory)).toEqual([])
  })

  it('puts an object again that was put long ago, so that the sweep spares it', async (context) => {
    const { bucket, storage, openOther } = await openBucket(context)
    const putAt = async () => {
      const answer = await bucket.client.send({ method: 'HEAD', key: `${org}/${sha256}` })
      return Date.parse(answer.headers.get('last-modified') ?? '')
    }
    await storage.put(org, streamed(content))
    const before = await putAt()
    // Its time is in whole seconds.
    await expect.poll(() => Date.now(), { timeout: 5_000 }).toBeGreaterThan(before + 2_000)
    await storage.put(org, streamed(content))
    expect(await putAt()).toBe(before)
    await (await openOther({ freshMs: 0 })).put(org, streamed(content))
    expect(await putAt()).toBeGreaterThan(before)
  })

  it('lists more objects than a page holds', async (context) => {
    const { bucket, storage } = await openBucket(context)
    for (let at = 0; at < 5; at += 1) await storage.put(org, streamed(content.subarray(at)))
    const paged = {
      ...bucket.client,
      send: (request: Parameters<typeof bucket.client.send>[0]) =>
        bucket.client.send({ ...request, query: { ...request.query, 'max-keys': '2' } }),
    }
    const listed = []
    for await (const object of listObjects(paged, `${org}/`)) listed.push(object)
    expect(listed.map(({ bytes }) => bytes).toSorted()).toEqual(
      [0, 1, 2, 3, 4].map((at) => content.length - at).toSorted(),
    )
    expect(new Set(listed.map(({ key }) => key)).size).toBe(5)
  })
})

describe('an S3 storage on radosgw', () => {
  it('says that the quota of its user is used up', async ({ skip }) => {
    if (!radosgw) return skip('radosgw is not installed')
    const bucket = await createTestBucket({ ...radosgw, ...radosgw.limited })
    const storage = await createS3Storage({
      bucket,
      cache: { directory: await temporaryDirectory(), maxBytes },
    })
    await storage.put(org, streamed(content))
    await expect(storage.put(org, streamed(content.subarray(1)))).rejects.toBeInstanceOf(StorageFull)
    expect(await buffer(await storage.open(org, sha256))).toEqual(content)
  })

  it('sends an object that exists no second time', async (context) => {
    if (!radosgw) return context.skip('radosgw is not installed')
    const bucket = await createTestBucket(radosgw)
    const calls: number[] = []
    const storage = await createS3Storage({
      bucket,
      cache: { directory: await temporaryDirectory(), maxBytes },
      guard: (call, run) => {
        calls.push(call.timeoutMs)
        return run()
      },
    })
    await storage.put(org, streamed(content))
    expect(calls).toHaveLength(1)
    await storage.put(org, streamed(content))
    // The conditional request, and the question how old the object is.
    expect(calls).toHaveLength(3)
  })
})

describe('an S3 storage on a machine whose disk is full', () => {
  it('says so, and leaves nothing there or in the bucket', async ({ skip }) => {
    if (!radosgw) return skip('radosgw is not installed')
    const directory = await temporaryDirectory()
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory])
    if (mounted.status !== 0) return skip('a small file system cannot be mounted here: needs root')
    onTestFinished(() => void spawnSync('umount', [directory]))
    const storage = await createS3Storage({
      bucket: await createTestBucket(radosgw),
      cache: { directory, maxBytes },
    })
    const large = Buffer.alloc(2_000_000)
    await expect(storage.put(org, streamed(large))).rejects.toBeInstanceOf(StorageFull)
    expect(partsIn(directory)).toEqual([])
    expect(await storage.list(org, 0)).toEqual([])
    await storage.put(org, streamed(content))
  })
})

describe('an S3 storage on Swift', () => {
  it('says that the bucket is in another region', async (context) => {
    if (!swift) return context.skip('Swift is not installed')
    const bucket = { ...(await createTestBucket(swift)), region: 'eu-central-1' }
    const storage = await createS3Storage({
      bucket,
      cache: { directory: await temporaryDirectory(), maxBytes },
    })
    await expect(storage.check()).rejects.toMatchObject({ fault: 'STORAGE_REGION' })
    await expect(storage.put(org, streamed(content))).rejects.toMatchObject({ fault: 'STORAGE_REGION' })
  })
})

/** What is left of incomplete files in a cache's directory. */
const partsIn = (directory: string) =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.part'))

const readSize = async (file: string) => (await stat(file)).size
