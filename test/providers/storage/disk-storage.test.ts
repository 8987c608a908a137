import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createDiskStorage } from '../../../src/providers/storage/disk-storage.ts'
import { ContentMismatch, ObjectMissing, StorageFull } from '../../../src/providers/storage/storage.ts'

const org = 'org_1'
const content = randomBytes(300_000)
const sha256 = createHash('sha256').update(content).digest('hex')

async function temporaryFolder(parent = tmpdir()): Promise<string> {
  const folder = await mkdtemp(path.join(parent, 'reelpilot-storage-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function* streamed(bytes: Uint8Array, chunk = 64_000) {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk)
}

/** All files below a folder. */
const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)

describe('a disk storage', () => {
  it('stores a stream under the hash of its content and returns every byte', async () => {
    const directory = await temporaryFolder()
    const storage = await createDiskStorage({ directory })
    expect(await storage.put(org, streamed(content))).toEqual({ sha256, bytes: content.length })
    expect(await buffer(await storage.open(org, sha256))).toEqual(content)
    expect(await storage.stat(org, sha256)).toEqual({ sha256, bytes: content.length })
    expect(await storage.verify(org, sha256)).toBe('intact')
    expect(await readFile(storage.locationOf(org, sha256))).toEqual(content)
    expect(filesIn(directory)).toEqual([sha256])
  })

  it('stores a copy of a file and does not change the file', async () => {
    const directory = await temporaryFolder()
    const file = path.join(directory, 'mine.mp4')
    await writeFile(file, content)
    const storage = await createDiskStorage({ directory: path.join(directory, 'objects') })
    expect(await storage.put(org, file)).toEqual({ sha256, bytes: content.length })
    expect(await readFile(file)).toEqual(content)
  })

  it('reads a range with both ends inclusive', async () => {
    const storage = await createDiskStorage({ directory: await temporaryFolder() })
    await storage.put(org, streamed(content))
    const part = await storage.open(org, sha256, { start: 1000, end: 1099 })
    expect(await buffer(part)).toEqual(content.subarray(1000, 1100))
    expect(await buffer(await storage.open(org, sha256, { start: 299_990 }))).toHaveLength(10)
  })

  it('gives a file with the content, and none for an object that it does not have', async () => {
    const storage = await createDiskStorage({ directory: await temporaryFolder() })
    await storage.put(org, streamed(content))
    expect(await storage.withFile(org, sha256, (file) => readFile(file))).toEqual(content)
    const missing = storage.withFile('org_2', sha256, () => Promise.resolve('called'))
    await expect(missing).rejects.toBeInstanceOf(ObjectMissing)
  })

  it('hides the content of one organization from another', async () => {
    const storage = await createDiskStorage({ directory: await temporaryFolder() })
    await storage.put(org, streamed(content))
    expect(await storage.stat('org_2', sha256)).toBeUndefined()
    expect(await storage.verify('org_2', sha256)).toBe('missing')
    expect(await storage.remove('org_2', sha256)).toBe(false)
    await expect(storage.open('org_2', sha256)).rejects.toBeInstanceOf(ObjectMissing)
    await storage.put('org_2', streamed(content))
    await storage.remove('org_2', sha256)
    expect(await storage.verify(org, sha256)).toBe('intact')
  })

  it.each(['..', '../org_1', 'a/b', '', '.arriving'])('refuses "%s" as an organization id', async (name) => {
    const storage = await createDiskStorage({ directory: await temporaryFolder() })
    await expect(storage.put(name, streamed(content))).rejects.toThrow(TypeError)
    await expect(storage.stat(name, sha256)).rejects.toThrow(TypeError)
    await expect(storage.stat(org, '../../etc/passwd')).rejects.toThrow(TypeError)
  })

  it('stores one object for concurrent puts of the same content', async () => {
    const directory = await temporaryFolder()
    const storage = await createDiskStorage({ directory })
    const other = await createDiskStorage({ directory })
    const puts = Array.from({ length: 16 }, (_, index) =>
      (index % 2 === 0 ? storage : other).put(org, streamed(content, 10_000 + index * 777)),
    )
    for (const stored of await Promise.all(puts)) expect(stored.sha256).toBe(sha256)
    expect(filesIn(directory)).toEqual([sha256])
    expect(await storage.verify(org, sha256)).toBe('intact')
  })

  it('shows a reader the whole object while it is being replaced and removed', async () => {
    const storage = await createDiskStorage({ directory: await temporaryFolder() })
    await storage.put(org, streamed(content))
    const reader = await storage.open(org, sha256)
    await storage.put(org, streamed(content))
    await storage.remove(org, sha256)
    expect(await buffer(reader)).toEqual(content)
    await expect(storage.open(org, sha256)).rejects.toBeInstanceOf(ObjectMissing)
  })

  it('detects a truncated or changed object, which a new put repairs', async () => {
    const storage = await createDiskStorage({ directory: await temporaryFolder() })
    await storage.put(org, streamed(content))
    await truncate(storage.locationOf(org, sha256), 1000)
    expect(await storage.verify(org, sha256)).toBe('corrupt')
    await storage.put(org, streamed(content))
    expect(await storage.verify(org, sha256)).toBe('intact')

    const handle = await open(storage.locationOf(org, sha256), 'r+')
    await handle.write(Buffer.from([(content[5000] ?? 0) ^ 1]), 0, 1, 5000)
    await handle.close()
    expect(await storage.verify(org, sha256)).toBe('corrupt')
  })

  it('stores nothing of a source that fails while or before it is read', async () => {
    const directory = await temporaryFolder()
    const storage = await createDiskStorage({ directory })
    const broken = Readable.from(
      (async function* () {
        yield content
        throw new Error('connection lost')
      })(),
    )
    await expect(storage.put(org, broken)).rejects.toThrow('connection lost')
    await expect(storage.put(org, path.join(directory, 'missing.mp4'))).rejects.toThrow('ENOENT')
    // A download that fails before its first byte is read.
    const gone = new Readable({ read: () => undefined })
    gone.destroy(new Error('connection reset'))
    await expect(storage.put(org, gone)).rejects.toThrow('connection reset')
    expect(filesIn(directory)).toEqual([])
  })

  it('refuses content that differs from what the caller expected', async () => {
    const directory = await temporaryFolder()
    const storage = await createDiskStorage({ directory })
    const cut = () => streamed(content.subarray(0, 1000))
    await expect(storage.put(org, cut(), { bytes: content.length })).rejects.toBeInstanceOf(ContentMismatch)
    await expect(storage.put(org, cut(), { sha256 })).rejects.toBeInstanceOf(ContentMismatch)
    expect(filesIn(directory)).toEqual([])
    await expect(
      storage.put(org, streamed(content), { sha256, bytes: content.length }),
    ).resolves.toBeDefined()
  })

  it('removes old incomplete files of dead writers, but no recent ones', async () => {
    const directory = await temporaryFolder()
    const arriving = path.join(directory, '.arriving')
    await mkdir(arriving)
    await writeFile(path.join(arriving, 'old.part'), 'x')
    await writeFile(path.join(arriving, 'new.part'), 'x')
    const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 60 * 60
    await utimes(path.join(arriving, 'old.part'), twoDaysAgo, twoDaysAgo)
    await createDiskStorage({ directory })
    expect(filesIn(directory)).toEqual(['new.part'])
  })
})

describe('a temporary directory on another device', () => {
  it('still moves the object in one step and leaves no copy', async ({ skip }) => {
    const directory = await temporaryFolder()
    const temporaryDirectory = await temporaryFolder('/dev/shm').catch(() => skip('needs /dev/shm'))
    if (statSync(directory).dev === statSync(temporaryDirectory).dev) skip('/dev/shm is no other device here')

    const storage = await createDiskStorage({ directory, temporaryDirectory })
    await storage.put(org, streamed(content))
    expect(await storage.verify(org, sha256)).toBe('intact')
    expect(filesIn(directory)).toEqual([sha256])
    expect(filesIn(temporaryDirectory)).toEqual([])
  })
})

describe('a full disk', () => {
  /** Mounts a real file system of 2 MB. */
  async function smallDisk(skip: (note: string) => never): Promise<string> {
    const folder = await temporaryFolder()
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder])
    if (mounted.status !== 0) skip('a small file system cannot be mounted here: needs root')
    onTestFinished(() => void spawnSync('umount', [folder]))
    return folder
  }
  const large = randomBytes(1_500_000)

  it('is reported, leaves no incomplete file and damages no other object', async ({ skip }) => {
    const directory = await smallDisk(skip)
    const storage = await createDiskStorage({ directory })
    await storage.put(org, streamed(content))
    await storage.put(org, streamed(large))
    await expect(storage.put(org, streamed(randomBytes(1_500_000)))).rejects.toBeInstanceOf(StorageFull)
    expect(filesIn(directory)).toHaveLength(2)
    expect(await storage.verify(org, sha256)).toBe('intact')
    await storage.put(org, streamed(randomBytes(100_000)))
  })

  it('is reported for a copy from another device, too', async ({ skip }) => {
    const directory = await smallDisk(skip)
    const temporaryDirectory = await temporaryFolder()
    const storage = await createDiskStorage({ directory, temporaryDirectory })
    await storage.put(org, streamed(large))
    await expect(storage.put(org, streamed(randomBytes(1_500_000)))).rejects.toBeInstanceOf(StorageFull)
    expect(filesIn(directory)).toHaveLength(1)
    expect(filesIn(temporaryDirectory)).toEqual([])
  })
})
