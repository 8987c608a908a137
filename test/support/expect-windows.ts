import { expect } from 'vitest'
import type { LocalTikTok } from '../../src/simulator/simulator.ts'

/** TikTok's documented limits: calls per minute and account, by endpoint. */
const documented: Readonly<Record<string, number>> = { creatorInfo: 20, videoInit: 6, statusFetch: 30 }

/**
 * Expects that no limit was exceeded in any minute: TikTok's limits, for which it refused no call, and the organization's
 * own limit of uploads over all of its accounts.
 */
export function expectWindowsKept(tiktok: LocalTikTok, { uploads }: { readonly uploads: number }): void {
  const rates = tiktok.rates().filter(({ endpoint }) => endpoint in documented)
  expect(rates.length).toBeGreaterThan(0)
  for (const { endpoint, peakPerMinute, refused, subject } of rates) {
    expect({ subject, refused }).toEqual({ subject, refused: 0 })
    expect(peakPerMinute).toBeLessThanOrEqual(documented[endpoint] ?? 0)
  }
  const opened = tiktok
    .posts()
    .map(({ at }) => Date.parse(at))
    .sort((a, b) => a - b)
  for (const [index, at] of opened.entries()) {
    const oneTooMany = opened[index + uploads]
    if (oneTooMany !== undefined) expect(oneTooMany - at).toBeGreaterThanOrEqual(60_000)
  }
}
