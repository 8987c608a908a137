const windowMs = 60_000

/** Sliding one-minute windows by key; only calls that were let in count. Source: TikTok API v2, rate limits. */
export function createRateWindows() {
  const admitted = new Map<string, number[]>()

  return {
    /** Lets a call in, or says that it is one too many. */
    admit(key: string, perMinute: number, now: number): boolean {
      const recent = (admitted.get(key) ?? []).filter((at) => at > now - windowMs)
      const fits = recent.length < perMinute
      if (fits) recent.push(now)
      admitted.set(key, recent)
      return fits
    },
  }
}

export type RateWindows = ReturnType<typeof createRateWindows>
