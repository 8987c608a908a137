/** TikTok moderates for minutes, sometimes for hours; after this long a person should look. */
export const watchForMs = 72 * 3_600_000

/**
 * How long to wait before the next look at a post, in milliseconds: quick at first, for most are done within a
 * minute, then ever more rarely. Stays far below the 30 status calls a minute that TikTok allows a token.
 */
export function pollDelayMs(polls: number): number {
  if (polls < 2) return 2_000
  if (polls < 6) return 5_000
  if (polls < 12) return 10_000
  if (polls < 30) return 30_000
  return 300_000
}
