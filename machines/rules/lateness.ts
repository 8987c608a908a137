/** Maximum lateness of an automatic post. A later one needs a person's decision. */
export const maxLatenessMs = 3_600_000

/** A post opened within this time after its slot is on time. */
export const onTimeToleranceMs = 60_000

/** Whether a post is late, and so must keep a gap to the account's last post. Times in epoch milliseconds. */
export function isLate(publishAt: number, at: number): boolean {
  return at > publishAt + onTimeToleranceMs
}

/** Whether a post is too late to go out without a person's decision. Times in epoch milliseconds. */
export function isTooLate(publishAt: number, at: number): boolean {
  return at > publishAt + maxLatenessMs
}
