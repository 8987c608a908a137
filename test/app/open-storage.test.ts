import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { openStorage, storageBreaker } from '../../src/app/open-storage.ts'
import { createWithBreaker } from '../../src/circuit-breaker/with-breaker.ts'
import { readConfig } from '../../src/config.ts'
import { ObjectMissing, StorageDeferred, StorageFault } from '../../src/providers/storage/storage.ts'
import { startAppProcess } from '../support/app-process.ts'
import { createTestDatabase } from '../support/database.ts'
import { useRadosgw } from '../support/s3/radosgw.ts'
import { startStorageProxy } from '../support/s3/storage-proxy.ts'
import { createTestBucket } from '../support/s3/test-bucket.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const database = await createTestDatabase()
const server = await useRadosgw()

async function* source() {
  yield Buffer.from('content')
}

it('a bucket that stops answering is left alone by all processes for a minute, and then asked once', async ({
  skip,
}) => {
  if (!server) return skip('radosgw is not installed')
  const proxy = await startStorageProxy(server.endpoint)
  const bucket = await createTestBucket({ ...server, endpoint: proxy.endpoint })
  let now = Date.now()
  const { db } = database.runtime
  const open = async () => {
    const config = readConfig({ S3_URL: bucket.url, REELPILOT_DATA: await temporaryDirectory() }, false)
    return await openStorage(config, {
      db,
      withBreaker: createWithBreaker({ db, now: () => now, random: () => 0 }),
    })
  }
  const [storage, other] = [await open(), await open()]
  const { sha256 } = await storage.put('org', source())
  const breakers = await db.selectFrom('circuit_breaker').select('key').execute()
  expect(breakers.map(({ key }) => key)).toContain(storageBreaker)

  // An object that is missing says nothing against the storage.
  for (let miss = 0; miss < 6; miss += 1)
    await expect(storage.open('org', 'f'.repeat(64))).rejects.toBeInstanceOf(ObjectMissing)

  await proxy.stop()
  for (let failure = 0; failure < 5; failure += 1)
    await expect(storage.stat('org', sha256)).rejects.toBeInstanceOf(StorageFault)
  await proxy.start()
  await expect(other.put('org', source())).rejects.toBeInstanceOf(StorageDeferred)
  await expect(storage.stat('org', sha256)).rejects.toMatchObject({ reason: 'circuitOpen', afterSeconds: 60 })
  now += 61_000
  expect(await other.stat('org', sha256)).toEqual({ sha256, bytes: 7 })
})

it('a start and `doctor` say what is wrong with the bucket, without its keys', async ({ skip }) => {
  if (!server) return skip('radosgw is not installed')
  const bucket = await createTestBucket(server)
  const environment = {
    DATABASE_URL: database.url,
    REELPILOT_SECRET_KEY: randomBytes(32).toString('base64'),
    REELPILOT_DATA: await temporaryDirectory(),
  }
  const right = startAppProcess('doctor', { ...environment, S3_URL: bucket.url })
  expect(await right.exited).toMatchObject({ code: 0 })
  expect(right.output()).toContain('ok     storage')

  const S3_URL = bucket.url.replace(/:[^:@]*@/, ':a-wrong-secret@')
  for (const command of ['doctor', 'worker']) {
    const wrong = startAppProcess(command, { ...environment, S3_URL })
    expect(await wrong.exited).toMatchObject({ code: 1 })
    expect(wrong.output()).toMatch(
      /S3_URL: The object storage refuses the keys .* \(GET of the bucket: 403 SignatureDoesNotMatch\)/,
    )
    expect(wrong.output()).not.toContain('a-wrong-secret')
  }
  const gone = startAppProcess('doctor', {
    ...environment,
    S3_URL: bucket.url.replace(/@[^/]*/, '@127.0.0.1:1'),
  })
  expect(await gone.exited).toMatchObject({ code: 1 })
  expect(gone.output()).toMatch(/^WRONG {2}storage {3}The object storage does not answer/m)
})
