import { expect } from 'vitest'
import type { LocalTikTok } from '../../src/simulator/simulator.ts'

/** Calls a minute and account that TikTok documents, by endpoint. */
const documented: Readonly<Record<string, number>> = { creatorInfo: 20, videoInit: 6, statusFetch: 30 }

/**
 * In no minute that the local TikTok has seen was a limit exceeded: none of its own, for which it turned nobody away, and
 * not the organization's own of uploads a minute over all of its accounts.
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
