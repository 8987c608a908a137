import { beforeAll, describe, expect, it } from 'vitest'
import { failureThreshold } from '../../machines/breaker.ts'
import { registerBreakers } from '../../src/circuit-breaker/breaker.ts'
import { answerBreakerRequest, type BreakerRequest, readBreakerRequest } from '../../src/cli/breaker.ts'
import { createLogger } from '../../src/logger.ts'
import { createBreakerGuard } from '../../src/tiktok-policy/breaker-guard.ts'
import { answering, ok, rowOf, serverError, toldTo } from '../circuit-breaker/support.ts'
import { createAccount } from '../graphql/support.ts'
import { startAppProcess } from '../support/app-process.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const log = createLogger('silent', false)

/** What is said to words at the command line. */
async function say(...words: readonly string[]) {
  const request: BreakerRequest = readBreakerRequest(words)
  if (request.kind === 'unreadable') return { text: request.why, code: 2 }
  return await answerBreakerRequest(database.url, request, log)
}

it('lists nothing before anything was started, and says why', async () => {
  expect(await say()).toEqual({ text: expect.stringContaining('no breaker yet'), code: 0 })
})

describe('an operator at the command line', async () => {
  const organizationId = await createOrganization(database)
  const accountId = await createAccount(database, organizationId)
  beforeAll(() => registerBreakers(db, ['tiktok', 'tiktok-upload', 'video/local']))
  const guard = createBreakerGuard({ db })
  const call = () => guard({ endpoint: 'status' }, answering(ok).run)

  it('sees every breaker, since when it is not closed, and its failures', async () => {
    for (let turn = 0; turn < failureThreshold; turn += 1)
      await guard({ endpoint: 'upload' }, answering(serverError).run)
    const { text } = await say()
    expect(text).toMatch(/^KEY +STATE +SINCE +FAILURES +NOTE$/m)
    expect(text).toMatch(/^tiktok +closed +- +0$/m)
    expect(text).toMatch(/^tiktok-upload +open +20\S+Z +5 +probes at 20\S+Z$/m)
    expect(text).toMatch(/^video\/local +closed +- +0$/m)
  })

  it('holds one open, for a reason that everybody sees, until it is released', async () => {
    const opened = await say('open', 'tiktok', 'their', 'maintenance')
    expect(opened).toEqual({
      text: expect.stringMatching(/^tiktok +forcedOpen .* their maintenance$/m),
      code: 0,
    })
    expect(await call()).toMatchObject({ kind: 'deferred', reason: 'circuitOpen' })
    expect((await say()).text).toMatch(/^tiktok +forcedOpen /m)
    expect((await say('release', 'tiktok')).text).toMatch(/^tiktok +halfOpen /m)
    expect(await call()).toEqual(ok)
  })

  it('holds one closed, whatever its calls say', async () => {
    expect((await say('closed', 'tiktok', 'a false alarm')).code).toBe(0)
    for (let turn = 0; turn < 2 * failureThreshold; turn += 1)
      expect(await guard({ endpoint: 'status' }, answering(serverError).run)).toEqual(serverError)
    expect((await say('release', 'tiktok')).code).toBe(0)
  })

  it('forces the breaker of any organization’s account, which hears of it', async () => {
    expect((await say('open', `tiktok/${accountId}`, 'being looked at')).code).toBe(0)
    expect(await rowOf(database, `tiktok/${accountId}`, accountId)).toMatchObject({ state: 'forcedOpen' })
    expect((await toldTo(database, organizationId)).at(-1)).toBe(`tiktok/${accountId}: closed to forcedOpen`)
    expect((await say()).text).toContain(`tiktok/${accountId}`)
  })

  it.each([
    [['ajar', 'tiktok'], '"ajar" is nothing to make of a breaker'],
    [['open'], 'Say which breaker'],
    [['release'], 'Say which breaker'],
    [['open', 'tiktok'], 'Say why "tiktok" is to be held open'],
    [['closed', 'tiktok', '  '], 'Say why "tiktok" is to be held closed'],
    [['open', 'tiktok', 'x'.repeat(501)], 'The reason must have 1 to 500 characters.'],
    [['open', 'tictoc', 'why not'], 'There is no breaker "tictoc". There are:\nKEY'],
    [['release', 'video/local'], '"video/local" is closed: nobody holds it'],
  ])('is told what makes no sense, and nothing is changed: %j', async (words, expected) => {
    const before = await say()
    expect(await say(...words)).toEqual({ text: expect.stringContaining(expected), code: 2 })
    expect(await say()).toEqual(before)
  })

  it('reads it on the standard output, and mistakes on the other with exit code 2', async () => {
    const settings = { DATABASE_URL: database.url, LOG_LEVEL: 'silent' }
    const listing = startAppProcess('breaker', settings)
    const mistaken = startAppProcess('breaker', settings, 'open', 'tiktok')
    expect(await listing.exited).toEqual({ code: 0, signal: null })
    expect(listing.output()).toMatch(/^video\/local +closed/m)
    expect(await mistaken.exited).toEqual({ code: 2, signal: null })
    expect(mistaken.output()).toContain('Say why')
  }, 120_000)
})
