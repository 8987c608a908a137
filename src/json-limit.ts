/**
 * The maximum depth and size of a JSON input. `JSON.parse` handles any depth, but recursive code that reads the value later (a
 * schema, a comparison, canonical JSON) overflows the stack after some thousand levels.
 */
export interface JsonLimit {
  readonly depth: number
  readonly values: number
}

/** For all variables of a request together. Allows more than a hundred full storyboards. */
export const requestLimit: JsonLimit = { depth: 64, values: 100_000 }
/** For one value of the scalar `JSON`. The largest storyboard has three levels and about 300 values. */
export const scalarLimit: JsonLimit = { depth: 16, values: 5_000 }
/** The maximum depth of provider responses and webhooks. */
export const maxResponseDepth = 64

/** How a value exceeds a limit. `path` is empty for the value itself. */
export interface JsonExcess {
  readonly path: string
  readonly message: string
  readonly limit: number
}

/** Paths in error messages are cut after this many fields. */
const maxPathLength = 4

/** Where a value exceeds a limit; null if it does not. Iterative, and stops at the limit. */
export function findJsonExcess(value: unknown, limit: JsonLimit): JsonExcess | null {
  const pending: { readonly value: unknown; readonly path: readonly string[]; readonly depth: number }[] = [
    { value, path: [], depth: 0 },
  ]
  let values = 1
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue
    const path = next.path.join('.')
    if (next.depth === limit.depth)
      return { path, message: `is nested deeper than ${limit.depth} levels`, limit: limit.depth }
    const entries = Object.entries(next.value)
    values += entries.length
    if (values > limit.values)
      return { path, message: `has more than ${limit.values} values`, limit: limit.values }
    for (const [name, inner] of entries) {
      const innerPath = next.path.length < maxPathLength ? [...next.path, name] : next.path
      pending.push({ value: inner, path: innerPath, depth: next.depth + 1 })
    }
  }
  return null
}

/** Whether a JSON text is nested deeper than `depth`. Counts brackets outside of strings in one pass, without parsing. */
export function exceedsDepth(text: string, depth: number): boolean {
  let level = 0
  let isInString = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (isInString) {
      if (character === '\\') at += 1
      else if (character === '"') isInString = false
    } else if (character === '"') isInString = true
    else if (character === '{' || character === '[') {
      level += 1
      if (level > depth) return true
    } else if (character === '}' || character === ']') level -= 1
  }
  return false
}
