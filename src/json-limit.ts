/**
 * What a JSON value may be at most where it enters. Parsing copes with any depth; what walks the value afterwards (a schema,
 * a comparison, a canonical form) calls itself once for each level, and ends the stack after some thousand.
 */
export interface JsonLimit {
  readonly depth: number
  readonly values: number
}

/** Of all variables of a request together: more than a hundred full storyboards, in the depth that an input takes. */
export const requestLimit: JsonLimit = { depth: 64, values: 100_000 }
/** Of one value of the scalar `JSON`: the largest storyboard has three levels and some 300 values. */
export const scalarLimit: JsonLimit = { depth: 16, values: 5_000 }
/** Of what providers answer and tell. */
export const maxResponseDepth = 64

/** What is too much, where, and what would be right. `path` is empty where the value itself is. */
export interface JsonExcess {
  readonly path: string
  readonly message: string
  readonly limit: number
}

/** So much of a path is enough to find the field by. */
const maxPathLength = 4

/** Where a value goes beyond a limit; null if it does not. Never calls itself, and looks no further than the limit. */
export function findJsonExcess(value: unknown, limit: JsonLimit): JsonExcess | null {
  const left: { readonly value: unknown; readonly path: readonly string[]; readonly depth: number }[] = [
    { value, path: [], depth: 0 },
  ]
  let values = 1
  for (let next = left.pop(); next; next = left.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue
    const path = next.path.join('.')
    if (next.depth === limit.depth)
      return { path, message: `is nested deeper than ${limit.depth} levels`, limit: limit.depth }
    const entries = Object.entries(next.value)
    values += entries.length
    if (values > limit.values)
      return { path, message: `has more than ${limit.values} values in it`, limit: limit.values }
    for (const [name, inner] of entries) {
      const innerPath = next.path.length < maxPathLength ? [...next.path, name] : next.path
      left.push({ value: inner, path: innerPath, depth: next.depth + 1 })
    }
  }
  return null
}

/** Whether brackets outside of strings are nested deeper than that in a JSON text. In one pass, without parsing it. */
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
