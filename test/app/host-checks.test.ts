import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createAccount } from '../support/account.ts'
import { startAppProcess } from '../support/app-process.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'reelpilot-checks-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

it('a worker without a working ffmpeg does not start, and says so in one sentence', async () => {
  const app = startAppProcess('worker', {
    FFMPEG_PATH: '/nope',
    REELPILOT_DATA: await temporaryFolder(),
    DATABASE_URL: 'postgres://127.0.0.1:1/unused',
  })
  expect(await app.exited).toMatchObject({ code: 1 })
  expect(app.output()).toMatch(
    /^Reelpilot is starting …\nFFMPEG_PATH: \/nope cannot be run \(.*ENOENT\); set the path of an ffmpeg.*\n$/,
  )
})

it('/readyz reports a full disk until it has space again', async () => {
  const directory = await temporaryFolder()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=80m', 'tmpfs', directory])
  if (mounted.status !== 0) return console.warn(`NOT TRIED on a full disk: ${mounted.stderr}`)
  onTestFinished(() => void spawnSync('umount', ['-l', directory]))
  const database = await createTestDatabase()
  const port = await freePort()
  const app = startAppProcess('api', {
    DATABASE_URL: database.url,
    REELPILOT_DATA: directory,
    PORT: String(port),
    TIKTOK_CLIENT_KEY: 'key',
    TIKTOK_CLIENT_SECRET: 'secret',
  })
  const ready = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null)
    return { status: response?.status, body: await response?.json().catch(() => null) }
  }
  await expect.poll(ready, { timeout: 60_000, interval: 500 }).toMatchObject({ status: 200 })

  const filler = path.join(directory, 'filler')
  await writeFile(filler, Buffer.alloc(40 * 1024 * 1024))
  await expect.poll(ready, { timeout: 60_000, interval: 500 }).toMatchObject({
    status: 503,
    body: {
      ok: false,
      checks: { database: true, disk: false },
      problems: [expect.stringMatching(/^The disk .* is full\. The operator frees space/)],
    },
  })
  await rm(filler)
  await expect.poll(ready, { timeout: 60_000, interval: 500 }).toMatchObject({
    status: 200,
    body: { checks: { disk: true } },
  })
  app.child.kill('SIGTERM')
  expect(await app.exited).toMatchObject({ code: 0 })
})

it('/readyz reports a missing key, and the next start is refused', async () => {
  const database = await createTestDatabase()
  const port = await freePort()
  const environment = {
    DATABASE_URL: database.url,
    REELPILOT_DATA: await temporaryFolder(),
    REELPILOT_SECRET_KEY: randomBytes(32).toString('base64'),
    PORT: String(port),
    TIKTOK_CLIENT_KEY: 'key',
    TIKTOK_CLIENT_SECRET: 'secret',
  }
  const app = startAppProcess('api', environment)
  const ready = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null)
    return { status: response?.status, body: await response?.json().catch(() => null) }
  }
  await expect
    .poll(ready, { timeout: 90_000, interval: 500 })
    .toMatchObject({ status: 200, body: { checks: { keys: true } } })

  const accountId = await createAccount(database, await createOrganization(database))
  await database.owner.pool.query(
    `update reelpilot.account set access_token_sealed = 'v2.deadbeef.x.y' where id = $1`,
    [accountId],
  )
  await expect.poll(ready, { timeout: 60_000, interval: 500 }).toMatchObject({
    status: 503,
    body: {
      ok: false,
      checks: { database: true, disk: true, keys: false },
      problems: [
        expect.stringMatching(/^The key that encrypted .* is missing\. The operator restores the key file/),
      ],
    },
  })
  app.child.kill('SIGTERM')
  expect(await app.exited).toMatchObject({ code: 0 })

  const refused = startAppProcess('start', environment)
  expect(await refused.exited).toMatchObject({ code: 1 })
  expect(refused.output()).toMatch(
    /^The database has tokens that are sealed under key deadbeef, which is missing: add it to REELPILOT_SECRET_KEY, and start again\.$/m,
  )
  expect(refused.output()).not.toMatch(/^ +at /m)
})
