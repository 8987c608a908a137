import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { startAppProcess } from './support/app-process.ts'
import { createTestDatabase } from './support/database.ts'
import { freePort } from './support/free-port.ts'

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'reelpilot-checks-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

it('does not start a worker without an ffmpeg that runs, and says so in one sentence', async () => {
  const app = startAppProcess('worker', {
    FFMPEG_PATH: '/nope',
    REELPILOT_DATA: await temporaryFolder(),
    DATABASE_URL: 'postgres://127.0.0.1:1/unused',
  })
  expect(await app.exited).toMatchObject({ code: 1 })
  expect(app.output()).toMatch(
    /^FFMPEG_PATH: \/nope cannot be run \(.*ENOENT\); set the path of an ffmpeg.*\n$/,
  )
})

it('says at /readyz that the disk is full, and that it is not once there is room', async () => {
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
  await expect.poll(ready, { timeout: 30_000, interval: 500 }).toMatchObject({
    status: 503,
    body: {
      ok: false,
      checks: { database: true, disk: false },
      problems: [expect.stringMatching(/^The disk .* is full\. The operator makes room/)],
    },
  })
  await rm(filler)
  await expect.poll(ready, { timeout: 30_000, interval: 500 }).toMatchObject({
    status: 200,
    body: { checks: { disk: true } },
  })
  app.child.kill('SIGTERM')
  expect(await app.exited).toMatchObject({ code: 0 })
})
