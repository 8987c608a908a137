import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, open, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createDiskStorage } from '../../../src/providers/storage/disk-storage.ts'
import { StorageFull } from '../../../src/providers/storage/storage.ts'
import { waitUntil } from '../../support/wait.ts'
import { content, itStoresObjects, org, sha256, startPutting, streamed } from './storage-suite.ts'

async function temporaryFolder(parent = tmpdir()): Promise<string> {
  const folder = await mkdtemp(path.join(parent, 'reelpilot-storage-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** All files below a folder. */
const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)

describe('a disk storage', () => {
  itStoresObjects(async () => {
    const directory = await temporaryFolder()
    const openOther = () => createDiskStorage({ directory })
    return { storage: await openOther(), openOther, names: async () => filesIn(directory) }
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

  it('has nothing of a put whose process was killed, after the sweep', async () => {
    const directory = await temporaryFolder()
    const { kill } = startPutting({ kind: 'disk', directory })
    await waitUntil(
      () => filesIn(directory),
      (names) => names.length > 0,
    )
    await kill()
    expect(filesIn(directory)).toEqual([expect.stringMatching(/\.part$/)])
    const storage = await createDiskStorage({ directory })
    expect(await storage.removeIncomplete(60_000)).toBe(0)
    expect(await storage.removeIncomplete(0)).toBe(1)
    expect(filesIn(directory)).toEqual([])
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
