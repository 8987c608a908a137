/** Caches the result of `load` for `ttlMs` milliseconds. Concurrent calls share one load; a failure is not cached. */
export function cacheFor<Value>(
  ttlMs: number,
  load: () => Promise<Value>,
  now: () => number = () => performance.now(),
): () => Promise<Value> {
  let latest: { readonly at: number; readonly value: Promise<Value> } | null = null
  return () => {
    if (latest && now() - latest.at < ttlMs) return latest.value
    const entry = { at: now(), value: load() }
    latest = entry
    entry.value.catch(() => {
      if (latest === entry) latest = null
    })
    return entry.value
  }
}
