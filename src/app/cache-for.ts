/** Keeps what a look found for some milliseconds, for all who ask meanwhile. A look that failed is forgotten at once. */
export function cacheFor<Found>(
  forMs: number,
  look: () => Promise<Found>,
  now: () => number = () => performance.now(),
): () => Promise<Found> {
  let latest: { readonly at: number; readonly found: Promise<Found> } | null = null
  return () => {
    if (latest && now() - latest.at < forMs) return latest.found
    const begun = { at: now(), found: look() }
    latest = begun
    begun.found.catch(() => {
      if (latest === begun) latest = null
    })
    return begun.found
  }
}
