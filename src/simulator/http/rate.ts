import { createHash } from 'node:crypto'
import type { ApiEndpoint } from '../endpoint.ts'
import type { Rate } from '../record.ts'
import type { Ground } from '../world.ts'

const windowMs = 60_000

/** Calls a minute. Source: TikTok API v2 rate limits, and the page of each endpoint; cancel has none that is stated. */
const documented: Readonly<Record<ApiEndpoint, number>> = {
  creatorInfo: 20,
  videoInit: 6,
  inboxInit: 6,
  photoInit: 6,
  statusFetch: 30,
  cancel: Number.POSITIVE_INFINITY,
  userInfo: 600,
  videoList: 600,
  videoQuery: 600,
}

const inits: ReadonlySet<ApiEndpoint> = new Set(['videoInit', 'inboxInit', 'photoInit'])

export interface Rates {
  /** Lets a call in, or says that it is one too many. Only calls that were let in count. */
  admit(endpoint: ApiEndpoint, token: string, openId: string): boolean
}

/** Sliding one-minute windows by endpoint and access token, and a record of the fullest that was ever let in. */
export function createRates({ book, knobs, now }: Pick<Ground, 'book' | 'knobs' | 'now'>): Rates {
  const windows = new Map<string, number[]>()
  const windowOf = (key: string) => {
    const recent = (windows.get(key) ?? []).filter((at) => at > now() - windowMs)
    if (windows.size > 2_000) forgetIdle(windows, now() - windowMs)
    windows.set(key, recent)
    return recent
  }
  const note = (rate: Omit<Rate, 'densest' | 'refused'>, admitted: number | undefined) => {
    const key = `${rate.endpoint} ${rate.per} ${rate.subject}`
    const { densest, refused } = book.get('rate', key) ?? { densest: 0, refused: 0 }
    if (admitted === undefined) book.put('rate', key, { ...rate, densest, refused: refused + 1 })
    else if (admitted > densest) book.put('rate', key, { ...rate, densest: admitted, refused })
  }

  return {
    admit(endpoint, token, openId) {
      const { rateLimits, limits, sharedInitLimit } = knobs()
      const limit = limits[endpoint] ?? documented[endpoint]
      const bucket = sharedInitLimit && inits.has(endpoint) ? 'init' : endpoint
      const limiting = windowOf(`${bucket} limit ${token}`)
      const fits = !rateLimits || limiting.length < limit
      if (fits) limiting.push(now())

      for (const [per, subject] of [
        ['account', openId],
        ['token', fingerprint(token)],
      ] as const) {
        const seen = windowOf(`${endpoint} ${per} ${subject}`)
        if (fits) seen.push(now())
        note({ endpoint, per, subject }, fits ? seen.length : undefined)
      }
      return fits
    },
  }
}

/** Tells tokens apart without showing one. */
function fingerprint(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 12)
}

function forgetIdle(windows: Map<string, number[]>, since: number): void {
  for (const [key, admitted] of windows) if ((admitted.at(-1) ?? 0) <= since) windows.delete(key)
}
