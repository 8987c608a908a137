import { describe, expect, it } from 'vitest'
import { readConfig } from '../src/config.ts'

describe('the settings', () => {
  it('have a default each', () => {
    expect(readConfig({}, false)).toMatchObject({
      port: 4_000,
      host: '127.0.0.1',
      databaseUrl: undefined,
      tiktok: undefined,
      apiBucket: { capacity: 1_000, refillPerSecond: 50 },
      latePostGapMinutes: 5,
    })
  })
  it('report all problems at once, each by its name', () => {
    const wrong = {
      PORT: '70000',
      IDEMPOTENCY_MINUTES: '0.5',
      DATABASE_URL: 'mysql://x',
      TIKTOK_CLIENT_KEY: 'a',
      REELPILOT_SECRET_KEY: 'short',
    }
    expect(() => readConfig(wrong, false)).toThrow(
      /DATABASE_URL.*PORT.*REELPILOT_SECRET_KEY.*IDEMPOTENCY_MINUTES/s,
    )
  })
  it('explain what a valid value is', () => {
    const problemsOf = (settings: NodeJS.ProcessEnv) => {
      try {
        readConfig(settings, false)
        return ''
      } catch (error) {
        return (error as Error).message // of readConfig
      }
    }
    const wrong = {
      PORT: 'NaN',
      REELPILOT_DATA: 'data ',
      TIKTOK_API_BASE: 'ftp://open.example',
      TIKTOK_AUTHORIZE_BASE: 'https://open.example/',
      PUBLIC_URL: 'https://reels.example?a=1#b',
      LOG_LEVEL: 'loud',
    }
    expect(problemsOf(wrong).split('\n').sort()).toEqual(
      [
        'these settings are invalid:',
        '  PORT: must be a whole number from 0 to 65535',
        '  REELPILOT_DATA: must not begin or end with a space or line break',
        '  TIKTOK_API_BASE: must be an http:// or https:// address, such as https://reels.example.com',
        '  TIKTOK_AUTHORIZE_BASE: must end without a slash',
        '  PUBLIC_URL: must end without a query (?) and without a fragment (#)',
        '  LOG_LEVEL: must be trace, debug, info, warn, error or silent',
      ].sort(),
    )
    expect(problemsOf({ PUBLIC_URL: 'https://me:secret@reels.example' })).toMatch(/must not contain a user/)
    expect(problemsOf({ DATABASE_URL: 'postgres://me:secret@db/reels\n' })).toMatch(
      /^ {2}DATABASE_URL: must not begin/m,
    )
    expect(problemsOf({ DATABASE_URL: 'postgres://me:secret@db/reels\n' })).not.toContain('secret')
    for (const HOST of ['0.0.0.0', '::']) {
      expect(problemsOf({ HOST, API_COST_LIMIT: '0' })).toMatch(
        /API_COST_LIMIT.*HOST: is a wildcard address.*set PUBLIC_URL/s,
      )
      expect(problemsOf({ HOST, PUBLIC_URL: 'https://reels.example/api' })).toBe('')
    }
  })
  it('accept whole numbers as the cost limits of an API key', () => {
    const settings = { API_COST_LIMIT: '20', API_COST_PER_SECOND: '2' }
    expect(readConfig(settings, false).apiBucket).toEqual({ capacity: 20, refillPerSecond: 2 })
    for (const wrong of ['0', '-1', '1.5', 'many'])
      expect(() => readConfig({ API_COST_LIMIT: wrong, API_COST_PER_SECOND: wrong }, false)).toThrow(
        /API_COST_LIMIT.*API_COST_PER_SECOND/s,
      )
  })
  it('accept a gap between late posts from zero to an hour', () => {
    for (const minutes of ['0', '60'])
      expect(readConfig({ LATE_POST_GAP_MINUTES: minutes }, false)).toMatchObject({
        latePostGapMinutes: Number(minutes),
      })
    for (const minutes of ['61', '-1', '0.5'])
      expect(() => readConfig({ LATE_POST_GAP_MINUTES: minutes }, false)).toThrow(
        /LATE_POST_GAP_MINUTES: must be a whole number from 0 to 60/,
      )
  })
  it('require both values of a TikTok app', () => {
    expect(() => readConfig({ TIKTOK_CLIENT_KEY: 'a' }, false)).toThrow(/go together/)
  })
})
