import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { probeVideo } from '../../src/providers/video/local/probe.ts'
import { startAppProcess, untilReady } from '../support/app-process.ts'
import { createTestDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'
import { waitUntil } from '../support/wait.ts'

/** The line of a published job and the later one with its file; warnings may be between them. */
const reached = /published .*post \d+\n(?:\{.*\n)*\s+(\S+\/[0-9a-f]{64})\n/

it('an empty directory becomes a rehearsal that publishes a video, survives a kill and drains', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-app-'))
  const [port, tiktokPort] = [await freePort(), await freePort()]
  const environment = {
    REELPILOT_DATA: directory,
    PORT: String(port),
    TIKTOK_LOCAL_PORT: String(tiktokPort),
    LOG_LEVEL: 'warn',
  }
  let app = startAppProcess('start', environment)
  await untilReady(port, app)
  const printed = await waitUntil(app.output, (output) => reached.test(output), 600_000)
  expect(printed).toMatch(/generating\.\w+ +[█░]{16} {2}\d+(\.\d)?\/\d+ scenes$/m)

  // The link is sufficient for a browser: GraphiQL takes the key from its fragment.
  const [, key = ''] = /API key +(rp_live_\w+)/.exec(printed) ?? []
  expect(printed).toContain(`GraphiQL   http://127.0.0.1:${port}/graphql#key=${key}\n`)
  expect(await isKey(port, key)).toBe(true)

  const [, file] = reached.exec(printed) ?? []
  expect(await probeVideo(file ?? '')).toMatchObject({
    width: 1080,
    height: 1920,
    videoCodec: 'avc',
    audioCodec: 'aac',
    frameRate: 30,
  })
  const posts: readonly { title: string; sha256: string; status: string }[] = await fetch(
    `http://127.0.0.1:${tiktokPort}/__local/posts`,
  ).then((response) => response.json())
  const published = posts.filter((post) => post.status === 'PUBLISH_COMPLETE')
  // On a busy machine the next slots may be published too: each once, and the first with its exact bytes.
  expect(published.map((post) => post.title)).toEqual([...new Set(published.map((post) => post.title))])
  expect(published.map((post) => post.sha256)).toContain(path.basename(file ?? ''))
  expect((await readFile(path.join(directory, 'secret-key'), 'utf8')).length).toBeGreaterThan(40)

  // A second command on the same directory uses the same database and does not stop it at its end.
  const second = startAppProcess('organization', environment, 'Second')
  expect(await second.exited).toMatchObject({ code: 0 })
  await untilReady(port, app)

  app.child.kill('SIGKILL')
  await app.exited
  app = startAppProcess('start', environment)
  await untilReady(port, app)
  expect(await waitUntil(app.output, (output) => output.includes('/__local/'))).toContain(
    'Reelpilot runs a rehearsal',
  )

  // A second `start` reports in one line that its port is taken, and does not affect the first.
  const third = startAppProcess('start', environment)
  expect(await third.exited).toMatchObject({ code: 1 })
  expect(third.output()).toMatch(/^PORT: \d+ at 127\.0\.0\.1 is used by another program; set another port$/m)
  expect(third.output()).not.toContain('    at ')
  await untilReady(port, app)
  app.child.kill('SIGTERM')
  expect(await app.exited).toMatchObject({ code: 0 })
  await rm(directory, { recursive: true, force: true })
}, 900_000)

async function isKey(port: number, key: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${key}` }
  return (await fetch(`http://127.0.0.1:${port}/graphql?query={__typename}`, { headers })).ok
}

it('the command `organization` creates one in the given Postgres and prints its key', async () => {
  const database = await createTestDatabase()
  const made = startAppProcess('organization', { DATABASE_URL: database.url }, 'My agency')
  expect(await made.exited).toMatchObject({ code: 0 })
  expect(made.output()).toMatch(/^rp_live_\w+\n$/)
  const rows = await database.runtime.db.selectFrom('organization').select('name').execute()
  expect(rows).toEqual([{ name: 'My agency' }])
})

it('invalid settings and an unknown command are explained, and nothing is started', async () => {
  const wrong = startAppProcess('start', { PORT: 'x', LOG_LEVEL: 'loud' })
  expect(await wrong.exited).toMatchObject({ code: 1 })
  expect(wrong.output()).toMatch(/PORT.*LOG_LEVEL/s)
  const unknown = startAppProcess('fly', {})
  expect(await unknown.exited).toMatchObject({ code: 2 })
  expect(unknown.output()).toContain('There is no command "fly"')
})
