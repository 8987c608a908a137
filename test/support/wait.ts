/** Waits until a condition holds; fails with what it saw last. */
export async function until<Seen>(
  look: () => Promise<Seen> | Seen,
  holds: (seen: Seen) => boolean,
  timeoutMs = 15_000,
): Promise<Seen> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const seen = await look()
    if (holds(seen)) return seen
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(seen)} after ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
