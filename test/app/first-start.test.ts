import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { listen } from '../../src/app/listener.ts'
import { type AddKeyResult, addKey } from '../../src/cli/key.ts'
import { createAuthenticator } from '../../src/graphql/server/authenticate.ts'
import { createKeyWatch } from '../../src/graphql/server/key-watch.ts'
import { createLogger } from '../../src/logger.ts'
import { announceRehearsal } from '../../src/rehearsal/announce.ts'
import { startAppProcess, untilReady } from '../support/app-process.ts'
import { createOrganization, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { waitUntil } from '../support/wait.ts'

// Most of these start several processes, one after the other.
vi.setConfig({ testTimeout: 300_000 })

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
})

/** The settings of a new rehearsal on the test's database. */
async function settings() {
  const [directory, port, tiktokPort] = [await temporaryDirectory(), await freePort(), await freePort()]
  return {
    DATABASE_URL: database.url,
    REELPILOT_DATA: path.join(directory, 'data'),
    PORT: String(port),
    TIKTOK_LOCAL_PORT: String(tiktokPort),
    LOG_LEVEL: 'warn',
  }
}

/** Another program on a port. */
async function occupy(port: string): Promise<{ leave(): Promise<void> }> {
  const server = createServer().listen(Number(port), '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const leave = () => new Promise<void>((resolve) => server.close(() => resolve()))
  onTestFinished(leave)
  return { leave }
}

const organizations = () => database.runtime.db.selectFrom('organization').select(['id', 'name']).execute()
const banner = (output: string) => output.includes('/__local/')
const keyPattern = /rp_live_\w+/

async function isKey(port: string, key: string): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ viewer { apiKey { scopes } } }' }),
  }).then((response) => response.json())
  return answer.data?.viewer.apiKey.scopes.length === 3
}

it.each(['PORT', 'TIKTOK_LOCAL_PORT'] as const)(
  'a start whose %s is taken changes nothing, and the next start shows the key',
  async (setting) => {
    const environment = await settings()
    const other = await occupy(environment[setting])
    const refused = startAppProcess('start', environment)
    expect(await refused.exited).toMatchObject({ code: 1 })
    expect(refused.output()).toMatch(/^Reelpilot is starting …\n/)
    expect(refused.output()).toMatch(
      new RegExp(
        `^${setting}: ${environment[setting]} at 127.0.0.1 is used by another program; set another port$`,
        'm',
      ),
    )
    expect(refused.output()).not.toContain('    at ')
    expect(await organizations()).toEqual([])

    await other.leave()
    const app = startAppProcess('start', environment)
    const [key = ''] = keyPattern.exec(await waitUntil(app.output, banner, 120_000)) ?? []
    expect(await isKey(environment.PORT, key)).toBe(true)
  },
)

it('the command `key` creates a key for the named organization and asks for a name if there are several', async () => {
  const { url, api } = database
  const add = (wanted: string) => addKey(url, wanted, createLogger('silent', false))
  const keys = createKeyWatch({ db: api.db, onError: () => undefined })
  const authenticator = createAuthenticator(api.db, keys, () => undefined)
  onTestFinished(() => {
    authenticator.close()
    keys.close()
  })
  const isKnown = async (made: AddKeyResult) =>
    made.kind === 'created' && (await authenticator.authenticate(`Bearer ${made.key}`))?.scopes.size === 3
  expect(await add('')).toEqual({
    kind: 'ambiguous',
    message:
      'There is no organization yet. Create one with `npm start -- organization NAME`; it prints its first key.',
  })
  const first = await createOrganization(database, 'First')
  expect(await isKnown(await add(''))).toBe(true)
  const second = await createOrganization(database, 'Second')
  expect(await add('')).toEqual({
    kind: 'ambiguous',
    message: [
      'There are several organizations. Name one by its name or id: `npm start -- key ORGANIZATION`.',
      `  ${first}  First`,
      `  ${second}  Second`,
    ].join('\n'),
  })
  expect(await isKnown(await add('Second'))).toBe(true)
  expect(await isKnown(await add(second))).toBe(true)
  expect(await add('Third')).toMatchObject({ message: expect.stringContaining('no organization "Third"') })
})

it('a later start says how to get another key', () => {
  const lines: string[] = []
  const addresses = { tiktok: 'http://127.0.0.1:1', address: 'http://127.0.0.1:2' }
  announceRehearsal((line) => lines.push(line), { ...addresses, apiKey: null })
  expect(lines).toContain('  API key    printed at the first start; `npm start -- key` creates another one')
})

it('a starting process answers 503 at its port', async () => {
  const listener = await listen({ host: '127.0.0.1', port: 0 })
  const [starting, alive] = [await fetch(listener.address), await fetch(`${listener.address}/livez`)]
  expect(starting.status).toBe(503)
  expect(starting.headers.get('retry-after')).toBe('1')
  expect(await starting.json()).toMatchObject({ errors: [{ extensions: { code: 'STARTING' } }] })
  expect(alive.status).toBe(200)
  await listener.close()
  await expect(fetch(listener.address)).rejects.toThrow()
})

it('a second start on one data directory is refused before it changes anything, other commands are not', async () => {
  const environment = await settings()
  const first = startAppProcess('start', environment)
  await waitUntil(first.output, banner, 120_000)
  const records = path.join(environment.REELPILOT_DATA, 'tiktok', 'records.jsonl')

  const [port, tiktokPort] = [await freePort(), await freePort()]
  const elsewhere = { PORT: String(port), TIKTOK_LOCAL_PORT: String(tiktokPort) }
  const second = startAppProcess('start', { ...environment, ...elsewhere })
  expect(await second.exited).toMatchObject({ code: 1 })
  expect(second.output()).toMatch(
    /^REELPILOT_DATA: another process uses .*; stop it, or set another directory$/m,
  )
  // The file still belongs to the first process: its later writes are in it.
  const app = await fetch(`http://127.0.0.1:${environment.TIKTOK_LOCAL_PORT}/__local/app`, {
    method: 'PATCH',
    body: JSON.stringify({ webhookUrl: 'http://127.0.0.1:9/after' }),
  })
  expect(app.status).toBe(200)
  expect(await readFile(records, 'utf8')).toContain('http://127.0.0.1:9/after')

  const worker = startAppProcess('worker', environment)
  const api = startAppProcess('api', { ...environment, PORT: String(port) })
  const key = startAppProcess('key', environment)
  expect(await key.exited).toMatchObject({ code: 0 })
  expect(key.output()).toMatch(/^rp_live_\w+\n$/)
  await untilReady(port, api)
  expect(worker.child.exitCode).toBeNull()

  // The lock of a killed process does not block the next start.
  first.child.kill('SIGKILL')
  await first.exited
  const restarted = startAppProcess('start', environment)
  await waitUntil(restarted.output, banner, 120_000)
})
