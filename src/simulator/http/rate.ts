import { createHash } from 'node:crypto'
import type { SimulatorDependencies } from '../dependencies.ts'
import type { ApiEndpoint } from '../endpoint.ts'
import type { Rate } from '../record.ts'

const windowMs = 60_000

/** Calls per minute. Source: TikTok API v2 rate limits and the page of each endpoint. Cancel has no documented limit. */
const documentedLimits: Readonly<Record<ApiEndpoint, number>> = {
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

const initEndpoints: ReadonlySet<ApiEndpoint> = new Set(['videoInit', 'inboxInit', 'photoInit'])

export interface Rates {
  /** Whether a call is within its limit. Only allowed calls count. */
  allow(endpoint: ApiEndpoint, token: string, openId: string): boolean
}

/** Sliding one-minute windows by endpoint and access token. Records the peak of each. */
export function createRates({
  recordStore,
  settings,
  now,
}: Pick<SimulatorDependencies, 'recordStore' | 'settings' | 'now'>): Rates {
  const windows = new Map<string, number[]>()
  const windowOf = (key: string) => {
    const recent = (windows.get(key) ?? []).filter((at) => at > now() - windowMs)
    if (windows.size > 2_000) dropIdleWindows(windows, now() - windowMs)
    windows.set(key, recent)
    return recent
  }
  const recordPeak = (rate: Omit<Rate, 'peakPerMinute' | 'refused'>, accepted: number | undefined) => {
    const key = `${rate.endpoint} ${rate.per} ${rate.subject}`
    const { peakPerMinute, refused } = recordStore.get('rate', key) ?? { peakPerMinute: 0, refused: 0 }
    if (accepted === undefined) recordStore.put('rate', key, { ...rate, peakPerMinute, refused: refused + 1 })
    else if (accepted > peakPerMinute)
      recordStore.put('rate', key, { ...rate, peakPerMinute: accepted, refused })
  }

  return {
    allow(endpoint, token, openId) {
      const { rateLimits, limits, sharedInitLimit } = settings()
      const limit = limits[endpoint] ?? documentedLimits[endpoint]
      const bucket = sharedInitLimit && initEndpoints.has(endpoint) ? 'init' : endpoint
      const limited = windowOf(`${bucket} limit ${token}`)
      const isAllowed = !rateLimits || limited.length < limit
      if (isAllowed) limited.push(now())

      for (const [per, subject] of [
        ['account', openId],
        ['token', fingerprint(token)],
      ] as const) {
        const accepted = windowOf(`${endpoint} ${per} ${subject}`)
        if (isAllowed) accepted.push(now())
        recordPeak({ endpoint, per, subject }, isAllowed ? accepted.length : undefined)
      }
      return isAllowed
    },
  }
}

/** Distinguishes tokens without revealing them. */
function fingerprint(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 12)
}

function dropIdleWindows(windows: Map<string, number[]>, since: number): void {
  for (const [key, accepted] of windows) if ((accepted.at(-1) ?? 0) <= since) windows.delete(key)
}

/** The highest accepted calls per minute of an endpoint, for one account or one of its tokens. */
export interface LocalRate extends Omit<Rate, 'subject'> {
  /** A username, or the first digits of a token's hash. */
  readonly subject: string
}

export function localRates({ recordStore }: SimulatorDependencies): readonly LocalRate[] {
  return recordStore
    .all('rate')
    .map((rate) => ({ ...rate, subject: recordStore.get('account', rate.subject)?.username ?? rate.subject }))
    .toArray()
}
