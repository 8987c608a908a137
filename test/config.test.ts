import { describe, expect, it } from 'vitest'
import { readConfig } from '../src/config.ts'

describe('the settings', () => {
  it('have a default for everything: nothing needs to be set', () => {
    expect(readConfig({}, false)).toMatchObject({
      port: 4_000,
      host: '127.0.0.1',
      databaseUrl: undefined,
      tiktok: undefined,
    })
  })
  it('report all mistakes at once, each by its name', () => {
    const wrong = {
      PORT: '70000',
      DATABASE_URL: 'mysql://x',
      TIKTOK_CLIENT_KEY: 'a',
      REELPILOT_SECRET_KEY: 'short',
    }
    expect(() => readConfig(wrong, false)).toThrow(/DATABASE_URL.*PORT.*REELPILOT_SECRET_KEY/s)
  })
  it('take a TikTok app whole or not at all', () => {
    expect(() => readConfig({ TIKTOK_CLIENT_KEY: 'a' }, false)).toThrow(/go together/)
  })
})
