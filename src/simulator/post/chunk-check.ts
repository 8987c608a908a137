const countError = 'The total chunk count is invalid'
const sizeError = 'The chunk size is invalid'

// Where TikTok's "MB" is ambiguous, the looser reading applies, so that no legal plan is refused.
const minChunkBytes = 5_000_000
const maxChunkBytes = 67_108_864
const maxLastChunkBytes = 134_217_728
const maxVideoBytes = 4_294_967_296

export interface DeclaredChunks {
  readonly size: number
  readonly chunk: number
  readonly count: number
}

/** TikTok's error message for an invalid chunk plan, in texts that TikTok was observed to send. */
export function chunkPlanError(
  { size, chunk, count }: DeclaredChunks,
  singleLimit: number,
): string | undefined {
  if (size <= 0 || chunk <= 0 || count < 1 || count > 1000) return countError
  if (count !== Math.floor(size / chunk)) return countError
  if (count === 1 && (chunk !== size || size > singleLimit)) return sizeError
  if (count > 1 && (chunk < minChunkBytes || chunk > maxChunkBytes)) return sizeError
  const last = size - (count - 1) * chunk
  return last > maxLastChunkBytes || size > maxVideoBytes ? sizeError : undefined
}
