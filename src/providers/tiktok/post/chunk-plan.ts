/** How a file is split: `count` chunks of `chunkSize` bytes; the last chunk also carries the remainder. */
export interface ChunkPlan {
  readonly kind: 'planned'
  readonly chunkSize: number
  readonly count: number
}

/** Inclusive, zero-based, as in `Content-Range: bytes first-last/total`. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

// TikTok writes "5 MB", "64 MB" and "4 GB" and does not say which MB; these values are valid in both readings.
const maxSingleChunkBytes = 64_000_000
const chunkSize = 10_000_000
const maxVideoBytes = 4_000_000_000

/**
 * Splits a video of `size` bytes for upload; refuses an empty or too large one.
 *
 * The count is rounded down, never up, and a single chunk must declare the file's own size: TikTok's documents show 64 MB × 1
 * for a 66 MB file, and its servers refuse that. So a larger file is split into chunks of 10 MB, of which the last has
 * 10–20 MB. Source: Content Posting API, media transfer guide, "chunking".
 */
export function planChunks(size: number): ChunkPlan | { readonly kind: 'refused'; readonly limit: number } {
  if (!Number.isSafeInteger(size) || size <= 0 || size > maxVideoBytes) {
    return { kind: 'refused', limit: maxVideoBytes }
  }
  if (size <= maxSingleChunkBytes) return { kind: 'planned', chunkSize: size, count: 1 }
  return { kind: 'planned', chunkSize, count: Math.floor(size / chunkSize) }
}

/** The byte range of one chunk. Throws RangeError for an index that the plan does not have. */
export function chunkRange(plan: Omit<ChunkPlan, 'kind'>, size: number, index: number): ByteRange {
  if (!Number.isInteger(index) || index < 0 || index >= plan.count) {
    throw new RangeError(`chunk index ${index} is out of range: the plan has ${plan.count} chunks`)
  }
  const first = index * plan.chunkSize
  return { first, last: index === plan.count - 1 ? size - 1 : first + plan.chunkSize - 1 }
}

export type NextChunk =
  | { readonly kind: 'chunk'; readonly index: number }
  | { readonly kind: 'complete' }
  | { readonly kind: 'betweenChunks' }

/**
 * The chunk to send next, given the `uploadedBytes` that TikTok reports. TikTok's text calls the number a count, and its
 * examples suggest the last byte's index: `0-9999999` and `0-10000000` both mean the first ten million bytes, so both are
 * accepted.
 */
export function nextChunk(plan: Omit<ChunkPlan, 'kind'>, size: number, uploadedBytes: number): NextChunk {
  for (const stored of [uploadedBytes, uploadedBytes + 1]) {
    if (stored === size) return { kind: 'complete' }
    const index = stored / plan.chunkSize
    if (Number.isInteger(index) && index >= 0 && index < plan.count) return { kind: 'chunk', index }
  }
  return { kind: 'betweenChunks' }
}
