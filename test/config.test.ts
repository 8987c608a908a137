import { describe, expect, it } from 'vitest'
import { readConfig } from '../src/config.ts'

function catchError(run: () => unknown): Error {
  try {
    run()
  } catch (error) {
    return error as Error // of readConfig
  }
  throw new Error('nothing was refused')
}

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
  it('accept a bucket with its keys, percent-encoded', () => {
    const url = 'https://AKIA:a%2Fb%2Bc@s3.example.com:9000/my-bucket?region=eu-central-1'
    expect(readConfig({ S3_URL: url }, false).bucket).toEqual({
      endpoint: 'https://s3.example.com:9000',
      name: 'my-bucket',
      region: 'eu-central-1',
      accessKeyId: 'AKIA',
      secretAccessKey: 'a/b+c',
    })
    expect(readConfig({ S3_URL: 'http://k:100%@127.0.0.1/bucket' }, false).bucket).toMatchObject({
      region: undefined,
      secretAccessKey: '100%',
    })
  })
  it.each([
    ['s3://key:hidden@host/bucket', /must be an address such as/],
    ['https://key:hid/den@host/bucket', /must be an address such as .* %2F for a \/ in a key/],
    ['https://key@host/bucket', /must contain the access key and the secret key/],
    ['https://key:hidden@host', /must end with the name of a bucket/],
    ['https://key:hidden@host/bucket/folder', /must end with the name of a bucket/],
    ['https://key:hidden@host/bucket?region=EU%20West', /must name a region by lower-case letters/],
    ['https://key:hidden@host/bucket?zone=1', /must have no parameter besides "region"/],
    ['https://key:hidden@host/bucket#x', /must have no parameter besides "region"/],
  ])('refuse %s as a bucket, without repeating it', (S3_URL, problem) => {
    const error = catchError(() => readConfig({ S3_URL }, false))
    expect(error.message).toMatch(/^ {2}S3_URL: /m)
    expect(error.message).toMatch(problem)
    expect(error.message).not.toMatch(/hidden|hid|den@/)
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
