import { describe, expect, it } from 'vitest'
import { readConfig } from '../src/config.ts'

describe('the settings', () => {
  it('have a default for everything: nothing needs to be set', () => {
    expect(readConfig({}, false)).toMatchObject({
      port: 4_000,
      host: '127.0.0.1',
      databaseUrl: undefined,
      tiktok: undefined,
      apiBucket: { capacity: 1_000, refillPerSecond: 50 },
      latePostGapMinutes: 5,
    })
  })
  it('report all mistakes at once, each by its name', () => {
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
  it('say what would be right: of numbers, addresses, and what has spaces around it', () => {
    const mistakesOf = (settings: NodeJS.ProcessEnv) => {
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
    expect(mistakesOf(wrong).split('\n').sort()).toEqual(
      [
        'these settings cannot be used:',
        '  PORT: must be a whole number from 0 to 65535',
        '  REELPILOT_DATA: must have no space or line break before or after it',
        '  TIKTOK_API_BASE: must be an http:// or https:// address, such as https://reels.example.com',
        '  TIKTOK_AUTHORIZE_BASE: must end without a slash',
        '  PUBLIC_URL: must end without a query (?) and without a fragment (#)',
        '  LOG_LEVEL: must be trace, debug, info, warn, error or silent',
      ].sort(),
    )
    expect(mistakesOf({ PUBLIC_URL: 'https://me:secret@reels.example' })).toMatch(/must not have a user/)
    expect(mistakesOf({ DATABASE_URL: 'postgres://me:secret@db/reels\n' })).toMatch(
      /^ {2}DATABASE_URL: must have/m,
    )
    expect(mistakesOf({ DATABASE_URL: 'postgres://me:secret@db/reels\n' })).not.toContain('secret')
    for (const HOST of ['0.0.0.0', '::']) {
      expect(mistakesOf({ HOST, API_COST_LIMIT: '0' })).toMatch(
        /API_COST_LIMIT.*HOST: is every address.*set PUBLIC_URL/s,
      )
      expect(mistakesOf({ HOST, PUBLIC_URL: 'https://reels.example/api' })).toBe('')
    }
  })
  it('take whole numbers as the cost limit of an API key', () => {
    const settings = { API_COST_LIMIT: '20', API_COST_PER_SECOND: '2' }
    expect(readConfig(settings, false).apiBucket).toEqual({ capacity: 20, refillPerSecond: 2 })
    for (const wrong of ['0', '-1', '1.5', 'many'])
      expect(() => readConfig({ API_COST_LIMIT: wrong, API_COST_PER_SECOND: wrong }, false)).toThrow(
        /API_COST_LIMIT.*API_COST_PER_SECOND/s,
      )
  })
  it('take a gap between late posts of up to an hour, or none', () => {
    for (const minutes of ['0', '60'])
      expect(readConfig({ LATE_POST_GAP_MINUTES: minutes }, false)).toMatchObject({
        latePostGapMinutes: Number(minutes),
      })
    for (const minutes of ['61', '-1', '0.5'])
      expect(() => readConfig({ LATE_POST_GAP_MINUTES: minutes }, false)).toThrow(
        /LATE_POST_GAP_MINUTES: must be a whole number from 0 to 60/,
      )
  })
  it('take a TikTok app whole or not at all', () => {
    expect(() => readConfig({ TIKTOK_CLIENT_KEY: 'a' }, false)).toThrow(/go together/)
  })
})
