import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { startAppProcess, untilReady } from '../support/app-process.ts'
import { freePort } from '../support/free-port.ts'
import { waitUntil } from '../support/wait.ts'

it('the application restarts its killed Postgres, goes on with its jobs, and logs two warnings', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-embedded-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const port = await freePort()
  const app = startAppProcess('start', {
    REELPILOT_DATA: directory,
    PORT: String(port),
    TIKTOK_LOCAL_PORT: String(await freePort()),
    LOG_LEVEL: 'info',
  })
  await untilReady(port, app, 240_000)
  const lock = async () =>
    (
      await readFile(path.join(directory, 'postgres', 'pgdata', 'postmaster.pid'), 'utf8').catch(() => '')
    ).split('\n')
  const [pid, , , databasePort] = await lock()
  const password = (await readFile(path.join(directory, 'postgres', 'password'), 'utf8')).trim()
  const url = `postgres://reelpilot:${password}@127.0.0.1:${databasePort}/reelpilot`
  const eventsSoFar = async (): Promise<number> => {
    const client = new pg.Client({ connectionString: url })
    try {
      await client.connect()
      const { rows } = await client.query(
        "select count(*)::int as events from reelpilot.event where type = 'job.transitioned'",
      )
      return rows[0]?.events ?? -1
    } catch {
      return -1
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  const before = await waitUntil(eventsSoFar, (events) => events > 3, 120_000)
  const outputLength = app.output().length
  process.kill(Number(pid), 'SIGKILL')
  await waitUntil(lock, ([next, , , nextPort]) => next !== pid && nextPort === databasePort, 120_000, 100)
  await waitUntil(
    () => app.output().slice(outputLength),
    (output) => output.includes('the database is available again'),
    120_000,
  )
  await waitUntil(eventsSoFar, (events) => events > before + 3, 180_000, 250)
  await untilReady(port, app)

  const lines = app
    .output()
    .slice(outputLength)
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line): { readonly level: number; readonly msg: string } => JSON.parse(line))
  // For 30 s the sweep may find an interrupted wake-up, and then logs a warning too.
  const loud = lines.filter(({ level, msg }) => level >= 40 && !msg.startsWith('the sweep'))
  expect(loud.map(({ msg }) => msg)).toEqual([
    'the database is unavailable',
    'the bundled Postgres had ended and was restarted',
  ])
  expect(lines.filter(({ msg }) => msg === 'the database is available again')).toHaveLength(1)
  app.child.kill('SIGTERM')
  expect((await app.exited).code).toBe(0)
}, 600_000)
