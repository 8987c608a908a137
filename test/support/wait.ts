/** Waits until a condition holds; throws with the last value after the timeout. */
export async function waitUntil<Seen>(
  poll: () => Promise<Seen> | Seen,
  holds: (seen: Seen) => boolean,
  timeoutMs = 90_000,
  everyMs = 25,
): Promise<Seen> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const seen = await poll()
    if (holds(seen)) return seen
    if (Date.now() > deadline)
      throw new Error(`still ${JSON.stringify(seen)?.slice(0, 2_000)} after ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
