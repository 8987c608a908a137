const countMistake = 'The total chunk count is invalid'
const sizeMistake = 'The chunk size is invalid'

// The looser reading of TikTok's "MB" wherever a rule has two, so that no legal plan is refused.
const smallestChunk = 5_000_000
const largestChunk = 67_108_864
const largestLastChunk = 134_217_728
const largestVideo = 4_294_967_296

export interface DeclaredChunks {
  readonly size: number
  readonly chunk: number
  readonly count: number
}

/** What TikTok says of a chunk plan that it does not take, with the texts that it was seen to say. */
export function chunkMistake(
  { size, chunk, count }: DeclaredChunks,
  singleLimit: number,
): string | undefined {
  if (size <= 0 || chunk <= 0 || count < 1 || count > 1000) return countMistake
  if (count !== Math.floor(size / chunk)) return countMistake
  if (count === 1 && (chunk !== size || size > singleLimit)) return sizeMistake
  if (count > 1 && (chunk < smallestChunk || chunk > largestChunk)) return sizeMistake
  const last = size - (count - 1) * chunk
  return last > largestLastChunk || size > largestVideo ? sizeMistake : undefined
}
