import { beforeAll, describe, expect, it } from 'vitest'
import { failureThreshold } from '../../machines/breaker.ts'
import { registerBreakers } from '../../src/circuit-breaker/breaker.ts'
import { parseBreakerRequest, runBreakerRequest } from '../../src/cli/breaker.ts'
import { UsageError } from '../../src/cli/command.ts'
import { createLogger } from '../../src/logger.ts'
import { createBreakerGuard } from '../../src/tiktok-policy/breaker-guard.ts'
import { answering, eventsOf, ok, rowOf, serverError } from '../circuit-breaker/support.ts'
import { createAccount } from '../support/account.ts'
import { startAppProcess } from '../support/app-process.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const log = createLogger('silent', false)

/** Runs the command with these arguments, as the command line does. */
async function run(...words: readonly string[]) {
  try {
    return await runBreakerRequest(database.url, parseBreakerRequest(words), log)
  } catch (error) {
    if (error instanceof UsageError) return { text: error.message, code: 2 }
    throw error
  }
}

it('the command `breaker` lists no breakers before the first start, and says why', async () => {
  expect(await run()).toEqual({ text: expect.stringContaining('no breakers yet'), code: 0 })
})

describe('the command `breaker`', async () => {
  const organizationId = await createOrganization(database)
  const accountId = await createAccount(database, organizationId)
  beforeAll(() => registerBreakers(db, ['tiktok', 'tiktok-upload', 'video/local']))
  const guard = createBreakerGuard({ db })
  const call = () => guard({ endpoint: 'status' }, answering(ok).run)

  it('lists every breaker with its state, since when, and its failures', async () => {
    for (let index = 0; index < failureThreshold; index += 1)
      await guard({ endpoint: 'upload' }, answering(serverError).run)
    const { text } = await run()
    expect(text).toMatch(/^KEY +STATE +SINCE +FAILURES +NOTE$/m)
    expect(text).toMatch(/^tiktok +closed +- +0$/m)
    expect(text).toMatch(/^tiktok-upload +open +20\S+Z +5 +probes at 20\S+Z$/m)
    expect(text).toMatch(/^video\/local +closed +- +0$/m)
  })

  it('holds a breaker open, and shows the reason, until it is released', async () => {
    const opened = await run('open', 'tiktok', 'their', 'maintenance')
    expect(opened).toEqual({
      text: expect.stringMatching(/^tiktok +forcedOpen .* their maintenance$/m),
      code: 0,
    })
    expect(await call()).toMatchObject({ kind: 'deferred', reason: 'circuitOpen' })
    expect((await run()).text).toMatch(/^tiktok +forcedOpen /m)
    expect((await run('release', 'tiktok')).text).toMatch(/^tiktok +halfOpen /m)
    expect(await call()).toEqual(ok)
  })

  it('holds a breaker closed, whatever the outcome of its calls', async () => {
    expect((await run('closed', 'tiktok', 'a false alarm')).code).toBe(0)
    for (let index = 0; index < 2 * failureThreshold; index += 1)
      expect(await guard({ endpoint: 'status' }, answering(serverError).run)).toEqual(serverError)
    expect((await run('release', 'tiktok')).code).toBe(0)
  })

  it('forces the breaker of any account, and its organization gets an event', async () => {
    expect((await run('open', `tiktok/${accountId}`, 'being looked at')).code).toBe(0)
    expect(await rowOf(database, `tiktok/${accountId}`, accountId)).toMatchObject({ state: 'forcedOpen' })
    expect((await eventsOf(database, organizationId)).at(-1)).toBe(
      `tiktok/${accountId}: closed to forcedOpen`,
    )
    expect((await run()).text).toContain(`tiktok/${accountId}`)
  })

  it.each([
    [['ajar', 'tiktok'], '"ajar" is not one of open, closed and release'],
    [['open'], 'Missing argument KEY'],
    [['release'], 'Missing argument KEY'],
    [['open', 'tiktok'], 'Missing argument REASON: `npm start -- breaker open tiktok REASON`'],
    [['closed', 'tiktok', '  '], 'Missing argument REASON: `npm start -- breaker closed tiktok REASON`'],
    [['open', 'tiktok', 'x'.repeat(501)], 'The reason must have 1 to 500 characters.'],
    [['open', 'tictoc', 'why not'], 'There is no breaker "tictoc". The breakers are:\nKEY'],
    [['release', 'video/local'], '"video/local" is closed, not forced'],
  ])('refuses invalid arguments with code 2 and changes nothing: %j', async (words, expected) => {
    const before = await run()
    expect(await run(...words)).toEqual({ text: expect.stringContaining(expected), code: 2 })
    expect(await run()).toEqual(before)
  })

  it('prints to the standard output, and usage errors with exit code 2', async () => {
    const settings = { DATABASE_URL: database.url, LOG_LEVEL: 'silent' }
    const listing = startAppProcess('breaker', settings)
    const mistaken = startAppProcess('breaker', settings, 'open', 'tiktok')
    expect(await listing.exited).toEqual({ code: 0, signal: null })
    expect(listing.output()).toMatch(/^video\/local +closed/m)
    expect(await mistaken.exited).toEqual({ code: 2, signal: null })
    expect(mistaken.output()).toContain('Missing argument REASON')
  }, 120_000)
})
