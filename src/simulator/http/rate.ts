import { createHash } from 'node:crypto'
import type { SimulatorDependencies } from '../dependencies.ts'
import type { ApiEndpoint } from '../endpoint.ts'
import type { Rate } from '../record.ts'

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
export function createRates({
  recordStore,
  settings,
  now,
}: Pick<SimulatorDependencies, 'recordStore' | 'settings' | 'now'>): Rates {
  const windows = new Map<string, number[]>()
  const windowOf = (key: string) => {
    const recent = (windows.get(key) ?? []).filter((at) => at > now() - windowMs)
    if (windows.size > 2_000) forgetIdle(windows, now() - windowMs)
    windows.set(key, recent)
    return recent
  }
  const note = (rate: Omit<Rate, 'peakPerMinute' | 'refused'>, admitted: number | undefined) => {
    const key = `${rate.endpoint} ${rate.per} ${rate.subject}`
    const { peakPerMinute, refused } = recordStore.get('rate', key) ?? { peakPerMinute: 0, refused: 0 }
    if (admitted === undefined) recordStore.put('rate', key, { ...rate, peakPerMinute, refused: refused + 1 })
    else if (admitted > peakPerMinute)
      recordStore.put('rate', key, { ...rate, peakPerMinute: admitted, refused })
  }

  return {
    admit(endpoint, token, openId) {
      const { rateLimits, limits, sharedInitLimit } = settings()
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

/** The fullest minute of an endpoint that was ever let in, of one account or of one of its tokens. */
export interface LocalRate extends Omit<Rate, 'subject'> {
  /** A username, or the beginning of a token's hash. */
  readonly subject: string
}

export function localRates({ recordStore }: SimulatorDependencies): readonly LocalRate[] {
  return recordStore
    .all('rate')
    .map((rate) => ({ ...rate, subject: recordStore.get('account', rate.subject)?.username ?? rate.subject }))
    .toArray()
}
