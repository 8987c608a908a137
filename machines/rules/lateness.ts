/** How late a post may go out by itself; later than that, a person decides. */
export const maxLatenessMs = 3_600_000

/** A post that is opened within so long of its slot's time is on time. */
export const onTimeToleranceMs = 60_000

/** Whether a post is opened so long after its slot's time that it keeps a gap to the account's last one. */
export function isLate(publishAt: number, at: number): boolean {
  return at > publishAt + onTimeToleranceMs
}

/** Whether a slot's time is so long ago that a person has to decide. All times in epoch milliseconds. */
export function isTooLate(publishAt: number, at: number): boolean {
  return at > publishAt + maxLatenessMs
}
