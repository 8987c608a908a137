import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished, type TestContext } from 'vitest'
import { ContentMismatch, ObjectMissing, type Storage } from '../../../src/providers/storage/storage.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import type { PuttingSettings } from './putting-process.ts'

export const org = 'org_1'
export const content = randomBytes(300_000)
export const sha256 = createHash('sha256').update(content).digest('hex')

/** A storage that a test has to itself. */
export interface StorageFixture {
  readonly storage: Storage
  /** Another process's view of the same storage. */
  openOther(): Promise<Storage>
  /** The names of all objects and of everything that is left of incomplete ones. */
  names(): Promise<readonly string[]>
}

export async function* streamed(bytes: Uint8Array, chunk = 64_000) {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk)
}

/** Starts a process that puts an object and does not come to its end. */
export function startPutting(settings: PuttingSettings) {
  const file = fileURLToPath(new URL('./putting-process.ts', import.meta.url))
  const child = spawn(process.execPath, [file, JSON.stringify(settings)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const kill = async () => {
    const exited = once(child, 'exit')
    if (child.exitCode === null && child.kill('SIGKILL')) await exited
  }
  onTestFinished(kill)
  return { kill }
}

/** What every storage does. `open` may skip the test. */
export function itStoresObjects(open: (context: TestContext) => Promise<StorageFixture>): void {
  it('stores a stream under the hash of its content and returns every byte', async (context) => {
    const { storage, names } = await open(context)
    expect(await storage.put(org, streamed(content))).toEqual({ sha256, bytes: content.length })
    expect(await buffer(await storage.open(org, sha256))).toEqual(content)
    expect(await storage.stat(org, sha256)).toEqual({ sha256, bytes: content.length })
    expect(await storage.verify(org, sha256)).toBe('intact')
    expect(await names()).toEqual([sha256])
  })

  it('stores a copy of a file and does not change the file', async (context) => {
    const { storage } = await open(context)
    const file = path.join(await temporaryDirectory(), 'mine.mp4')
    await writeFile(file, content)
    expect(await storage.put(org, file)).toEqual({ sha256, bytes: content.length })
    expect(await readFile(file)).toEqual(content)
  })

  it('stores an empty object', async (context) => {
    const { storage } = await open(context)
    const { sha256: empty } = await storage.put(org, streamed(Buffer.alloc(0)))
    expect(await storage.stat(org, empty)).toEqual({ sha256: empty, bytes: 0 })
    expect(await buffer(await storage.open(org, empty))).toHaveLength(0)
  })

  it('reads a range with both ends inclusive, and nothing behind the end', async (context) => {
    const { storage, openOther } = await open(context)
    await storage.put(org, streamed(content))
    for (const reader of [storage, await openOther()]) {
      const part = await reader.open(org, sha256, { start: 1000, end: 1099 })
      expect(await buffer(part)).toEqual(content.subarray(1000, 1100))
      expect(await buffer(await reader.open(org, sha256, { start: 299_990 }))).toHaveLength(10)
      expect(await buffer(await reader.open(org, sha256, { start: 300_000 }))).toHaveLength(0)
    }
  })

  it('gives a file with the content, also to another process, and none for an object that it does not have', async (context) => {
    const { storage, openOther } = await open(context)
    await storage.put(org, streamed(content))
    const other = await openOther()
    for (const reader of [storage, other, other])
      expect(await reader.withFile(org, sha256, (file) => readFile(file))).toEqual(content)
    const missing = storage.withFile('org_2', sha256, () => Promise.resolve('called'))
    await expect(missing).rejects.toBeInstanceOf(ObjectMissing)
  })

  it('hides the content of one organization from another', async (context) => {
    const { storage } = await open(context)
    await storage.put(org, streamed(content))
    expect(await storage.stat('org_2', sha256)).toBeUndefined()
    expect(await storage.verify('org_2', sha256)).toBe('missing')
    expect(await storage.remove('org_2', sha256)).toBe(false)
    expect(await storage.list('org_2', 0)).toEqual([])
    await expect(storage.open('org_2', sha256)).rejects.toBeInstanceOf(ObjectMissing)
    await storage.put('org_2', streamed(content))
    expect(await storage.remove('org_2', sha256)).toBe(true)
    expect(await storage.verify(org, sha256)).toBe('intact')
  })

  it.for(['..', '../org_1', 'a/b', '', '.arriving'])(
    'refuses "%s" as an organization id',
    async (name, context) => {
      const { storage } = await open(context)
      await expect(storage.put(name, streamed(content))).rejects.toThrow(TypeError)
      await expect(storage.stat(name, sha256)).rejects.toThrow(TypeError)
      await expect(storage.list(name, 0)).rejects.toThrow(TypeError)
      await expect(storage.stat(org, '../../etc/passwd')).rejects.toThrow(TypeError)
      await expect(storage.withFile(org, '../../etc/passwd', readFile)).rejects.toThrow(TypeError)
    },
  )

  it('stores one object for concurrent puts of the same content', async (context) => {
    const { storage, openOther, names } = await open(context)
    const other = await openOther()
    const puts = Array.from({ length: 16 }, (_, index) =>
      (index % 2 === 0 ? storage : other).put(org, streamed(content, 10_000 + index * 777)),
    )
    for (const stored of await Promise.all(puts)) expect(stored.sha256).toBe(sha256)
    expect(await names()).toEqual([sha256])
    expect(await storage.verify(org, sha256)).toBe('intact')
  })

  it('shows a reader the whole object while it is being replaced and removed', async (context) => {
    const { storage } = await open(context)
    await storage.put(org, streamed(content))
    const reader = await storage.open(org, sha256)
    await storage.put(org, streamed(content))
    await storage.remove(org, sha256)
    expect(await buffer(reader)).toEqual(content)
    await expect(storage.open(org, sha256)).rejects.toBeInstanceOf(ObjectMissing)
  })

  it('stores nothing of a source that fails while or before it is read, or whose caller gives up', async (context) => {
    const { storage, names } = await open(context)
    const broken = Readable.from(
      (async function* () {
        yield content
        throw new Error('connection lost')
      })(),
    )
    await expect(storage.put(org, broken)).rejects.toThrow('connection lost')
    await expect(storage.put(org, '/no/such/file.mp4')).rejects.toThrow('ENOENT')
    // A download that fails before its first byte is read.
    const gone = new Readable({ read: () => undefined })
    gone.destroy(new Error('connection reset'))
    await expect(storage.put(org, gone)).rejects.toThrow('connection reset')
    const signal = AbortSignal.abort(new Error('given up'))
    await expect(storage.put(org, streamed(content), { signal })).rejects.toThrow('given up')
    expect(await names()).toEqual([])
  })

  it('refuses content that differs from what the caller expected', async (context) => {
    const { storage, names } = await open(context)
    const cut = () => streamed(content.subarray(0, 1000))
    await expect(storage.put(org, cut(), { bytes: content.length })).rejects.toBeInstanceOf(ContentMismatch)
    await expect(storage.put(org, cut(), { sha256 })).rejects.toBeInstanceOf(ContentMismatch)
    expect(await names()).toEqual([])
    const put = storage.put(org, streamed(content), { sha256, bytes: content.length })
    await expect(put).resolves.toBeDefined()
  })

  it('lists the objects of an organization by their age', async (context) => {
    const { storage } = await open(context)
    const { sha256: other } = await storage.put(org, streamed(content.subarray(0, 10)))
    await storage.put(org, streamed(content))
    const listed = (await storage.list(org, 0)).toSorted((a, b) => a.bytes - b.bytes)
    expect(listed).toEqual([
      { sha256: other, bytes: 10 },
      { sha256, bytes: content.length },
    ])
    expect(await storage.list(org, 60_000)).toEqual([])
  })
}
