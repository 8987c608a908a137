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
  it('take whole numbers of points for the keys of the API', () => {
    const settings = { API_POINTS: '20', API_POINTS_PER_SECOND: '2' }
    expect(readConfig(settings, false).apiBucket).toEqual({ capacity: 20, refillPerSecond: 2 })
    for (const wrong of ['0', '-1', '1.5', 'many'])
      expect(() => readConfig({ API_POINTS: wrong, API_POINTS_PER_SECOND: wrong }, false)).toThrow(
        /API_POINTS.*API_POINTS_PER_SECOND/s,
      )
  })
  it('take a TikTok app whole or not at all', () => {
    expect(() => readConfig({ TIKTOK_CLIENT_KEY: 'a' }, false)).toThrow(/go together/)
  })
})
