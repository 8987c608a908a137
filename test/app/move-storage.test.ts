import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { auditStorage, moveStorage } from '../../src/app/move-storage.ts'
import { createDiskStorage } from '../../src/providers/storage/disk-storage.ts'
import { createS3Storage } from '../../src/providers/storage/s3/s3-storage.ts'
import type { Storage } from '../../src/providers/storage/storage.ts'
import { sweepMedia } from '../../src/steps/video/sweep-media.ts'
import { insertStoredVideo } from '../../src/store/media/stored-video.ts'
import { startAppProcess } from '../support/app-process.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { useRadosgw } from '../support/s3/radosgw.ts'
import { createTestBucket } from '../support/s3/test-bucket.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const server = await useRadosgw()
const { signal } = new AbortController()
const [one, two] = [await createOrganization(database, 'One'), await createOrganization(database, 'Two')]

async function* bytesOf(content: Uint8Array) {
  yield content
}

/** Stores a video and its row. */
async function addVideo(storage: Storage, organizationId: string): Promise<string> {
  const { sha256, bytes } = await storage.put(organizationId, bytesOf(randomBytes(5_000)))
  await insertStoredVideo(db, { organizationId, sha256, bytes, seconds: 3, width: 360, height: 640 })
  return sha256
}

it('everything is copied to the bucket and back, verified, and a move that ended early goes on where it was', async ({
  skip,
}) => {
  if (!server) return skip('radosgw is not installed')
  const data = await temporaryDirectory()
  const disk = await createDiskStorage({ directory: path.join(data, 'media') })
  const bucket = await createTestBucket(server)
  const remote = await createS3Storage({
    bucket,
    cache: { directory: await temporaryDirectory(), maxBytes: 100_000_000 },
  })
  const hashes = [await addVideo(disk, one), await addVideo(disk, one), await addVideo(disk, two)]
  const [first = '', second = ''] = hashes
  await writeFile(disk.locationOf(one, second), 'damaged')

  const stop = new AbortController()
  const dying: Storage = {
    ...remote,
    async put(...call) {
      const stored = await remote.put(...call)
      stop.abort(new Error('stopped'))
      return stored
    },
  }
  await expect(moveStorage(db, { from: disk, to: dying, signal: stop.signal })).rejects.toThrow('stopped')
  const { copied, skipped, damaged } = await moveStorage(db, { from: disk, to: remote, signal })
  expect({ total: copied + skipped, damaged }).toEqual({ total: 2, damaged: [disk.locationOf(one, second)] })
  expect(skipped).toBeGreaterThan(0)
  expect(await remote.verify(one, first)).toBe('intact')
  expect(await remote.stat(one, second)).toBeUndefined()
  expect(await moveStorage(db, { from: disk, to: remote, signal })).toMatchObject({ copied: 0, skipped: 2 })

  const back = await createDiskStorage({ directory: path.join(await temporaryDirectory(), 'media') })
  expect(await moveStorage(db, { from: remote, to: back, signal })).toEqual({
    copied: 2,
    copiedBytes: 10_000,
    skipped: 0,
    damaged: [],
  })

  // What the commands say of it.
  const environment = { DATABASE_URL: database.url, REELPILOT_DATA: data, S3_URL: bucket.url }
  const check = startAppProcess('storage', environment, 'check')
  expect(await check.exited).toMatchObject({ code: 1 })
  expect(check.output()).toContain(
    `One: 10000 bytes are counted, 5000 are stored\n  missing: s3://${bucket.name}/${one}/${second}`,
  )
  expect(check.output()).toContain('Two: 5000 bytes are counted, 5000 are stored\n')
  const move = startAppProcess('storage', environment, 'move', 'bucket')
  expect(await move.exited).toMatchObject({ code: 1 })
  expect(move.output()).toContain('Copied 0 objects (0 bytes); 2 were there already.')
  expect(move.output()).toContain(`Damaged, and not copied:\n  ${disk.locationOf(one, second)}`)
})

it('the sweep keeps videos with their pictures, and removes what nothing needs', async () => {
  const storage = await createDiskStorage({ directory: await temporaryDirectory() })
  const organizationId = await createOrganization(database, 'Three')
  const sha256 = await addVideo(storage, organizationId)
  const poster = await storage.put(organizationId, bytesOf(randomBytes(700)))
  await database.owner.pool.query(
    `update reelpilot.media set previews = $2, preview_bytes = 700 where sha256 = $1`,
    [
      sha256,
      JSON.stringify([
        { kind: 'poster', atSeconds: 0, sha256: poster.sha256, bytes: 700, width: 1, height: 1 },
      ]),
    ],
  )
  const orphan = randomBytes(300)
  await storage.put(organizationId, bytesOf(orphan))
  const auditOf = async () =>
    (await auditStorage(db, storage)).find(({ organization }) => organization === 'Three')
  expect(await auditOf()).toMatchObject({
    countedBytes: 5_700,
    storedBytes: 6_000,
    missing: [],
    clips: 0,
    unneeded: 1,
  })
  await sweepMedia(storage, db, 0)
  expect(await auditOf()).toMatchObject({ countedBytes: 5_700, storedBytes: 5_700, missing: [], unneeded: 0 })
  expect(
    await storage.stat(organizationId, createHash('sha256').update(orphan).digest('hex')),
  ).toBeUndefined()
  expect(await storage.verify(organizationId, poster.sha256)).toBe('intact')
})
