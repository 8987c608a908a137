/** Directives in a post's title that decide how the post ends. */
export interface TitleDirectives {
  /** Fails with this reason. */
  readonly failReason?: string
  /** Never leaves processing. */
  readonly isStuck: boolean
  /** Never passes moderation, and so gets no public id. */
  readonly hasNoId: boolean
  /** Is taken down after it was public for as long as moderation took. */
  readonly isTakenDown: boolean
  readonly idCount: 1 | 2
  /** The public id, unless another post has it. */
  readonly id?: string
}

const knownDirectives: ReadonlySet<string> = new Set(['stuck', 'no_id', 'two_ids', 'taken_down'])

/**
 * Reads directives such as `[[local:stuck]]`, `[[local:no_id]]`, `[[local:two_ids]]`, `[[local:taken_down]]`,
 * `[[local:id=7312345678901234567]]`, and any fail reason, such as `[[local:frame_rate_check_failed]]`.
 */
export function readTitleDirectives(title: string): TitleDirectives {
  const found = new Set([...title.matchAll(/\[\[local:([a-z_]+)\]\]/g)].map((match) => match[1] ?? ''))
  const failReason = [...found].find((word) => !knownDirectives.has(word))
  const id = /\[\[local:id=(\d{1,19})\]\]/.exec(title)?.[1]
  return {
    ...(failReason !== undefined && { failReason }),
    isStuck: found.has('stuck'),
    hasNoId: found.has('no_id'),
    isTakenDown: found.has('taken_down'),
    idCount: found.has('two_ids') ? 2 : 1,
    ...(id !== undefined && { id }),
  }
}
