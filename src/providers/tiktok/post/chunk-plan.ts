/** How a file is cut: `count` chunks of `chunkSize` bytes, of which the last carries the remainder as well. */
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

// TikTok writes "5 MB", "64 MB" and "4 GB" and leaves open which MB; these figures are legal in both readings.
const largestWhole = 64_000_000
const chunkSize = 10_000_000
const largestVideo = 4_000_000_000

/**
 * Cuts a video for upload.
 *
 * The count is a floor, never a ceiling, and a file in one piece must say its own size as the chunk's: 64 MB × 1 for a
 * 66 MB file is arithmetic that TikTok prints and refuses. So what exceeds one whole piece goes in tens of megabytes, the
 * last one being 10–20 MB. Source: Content Posting API, media transfer guide, "chunking".
 */
export function planChunks(size: number): ChunkPlan | { readonly kind: 'refused'; readonly limit: number } {
  if (!Number.isSafeInteger(size) || size <= 0 || size > largestVideo) {
    return { kind: 'refused', limit: largestVideo }
  }
  if (size <= largestWhole) return { kind: 'planned', chunkSize: size, count: 1 }
  return { kind: 'planned', chunkSize, count: Math.floor(size / chunkSize) }
}

/** The bytes of one chunk. Throws RangeError for a chunk that the plan does not have. */
export function chunkRange(plan: Omit<ChunkPlan, 'kind'>, size: number, index: number): ByteRange {
  if (!Number.isInteger(index) || index < 0 || index >= plan.count) {
    throw new RangeError(`chunk ${index} of ${plan.count}`)
  }
  const first = index * plan.chunkSize
  return { first, last: index === plan.count - 1 ? size - 1 : first + plan.chunkSize - 1 }
}

export type NextChunk =
  | { readonly kind: 'chunk'; readonly index: number }
  | { readonly kind: 'complete' }
  | { readonly kind: 'betweenChunks' }

/**
 * Where to go on, from what TikTok says it has. Its text calls the figure a count, its examples leave open whether it is
 * the last byte's index: `0-9999999` and `0-10000000` both mean "the first ten million", so both are accepted.
 */
export function nextChunk(plan: Omit<ChunkPlan, 'kind'>, size: number, uploadedBytes: number): NextChunk {
  for (const stored of [uploadedBytes, uploadedBytes + 1]) {
    if (stored === size) return { kind: 'complete' }
    const index = stored / plan.chunkSize
    if (Number.isInteger(index) && index >= 0 && index < plan.count) return { kind: 'chunk', index }
  }
  return { kind: 'betweenChunks' }
}
