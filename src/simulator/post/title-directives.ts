/** What markers in a title script for a post's end. */
export interface Script {
  /** A fail reason to end with. */
  readonly failReason?: string
  /** Never leaves processing. */
  readonly stuck: boolean
  /** Never passes moderation. */
  readonly noId: boolean
  /** Taken down as long after it became public as moderation took. */
  readonly takenDown: boolean
  readonly idCount: 1 | 2
  /** The public id to have, if no other post has it. */
  readonly id?: string
}

const words: ReadonlySet<string> = new Set(['stuck', 'no_id', 'two_ids', 'taken_down'])

/**
 * Reads the markers of a title: `[[local:stuck]]`, `[[local:no_id]]`, `[[local:two_ids]]`, `[[local:taken_down]]`,
 * `[[local:id=7312345678901234567]]`, and any fail reason, as in `[[local:frame_rate_check_failed]]`.
 */
export function scriptOf(title: string): Script {
  const found = new Set([...title.matchAll(/\[\[local:([a-z_]+)\]\]/g)].map((match) => match[1] ?? ''))
  const failReason = [...found].find((word) => !words.has(word))
  const id = /\[\[local:id=(\d{1,19})\]\]/.exec(title)?.[1]
  return {
    ...(failReason !== undefined && { failReason }),
    stuck: found.has('stuck'),
    noId: found.has('no_id'),
    takenDown: found.has('taken_down'),
    idCount: found.has('two_ids') ? 2 : 1,
    ...(id !== undefined && { id }),
  }
}
