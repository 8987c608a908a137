/** How long a post is watched before a person decides. Moderation takes minutes, sometimes hours. */
export const watchForMs = 72 * 3_600_000

/** After this many polls of a post the interval grows no more. */
export const maxCountedPolls = 30

/**
 * Milliseconds before the next poll of a post: short at first, since most finish within a minute, then growing. Stays far
 * below TikTok's limit of 30 status calls a minute per token.
 */
export function pollDelayMs(polls: number): number {
  if (polls < 2) return 2_000
  if (polls < 6) return 5_000
  if (polls < 12) return 10_000
  if (polls < maxCountedPolls) return 30_000
  return 300_000
}
