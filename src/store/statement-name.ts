/** Each connection keeps the plans of its named statements in memory: about 20 kB each. */
const maxNames = 500

const names = new Map<string, string>()
/** Texts whose plan a change of the schema made unusable in open connections. */
const unusable = new Set<string>()

/**
 * A name for a statement, by which each connection parses and plans it once. Undefined, and the statement is planned each time,
 * beyond 500 different texts: a text that depends on the length of a list would otherwise fill the server's memory.
 */
export function statementName(text: string): string | undefined {
  if (unusable.has(text)) return undefined
  const known = names.get(text)
  if (known !== undefined || names.size >= maxNames) return known
  const name = `reelpilot_${names.size}`
  names.set(text, name)
  return name
}

/** Stops naming a statement if the error says that its plan no longer fits the schema: it was migrated while this process runs. */
export function forgetIfUnusable(text: string, error: unknown): boolean {
  const isUnusable = error instanceof Error && error.message === 'cached plan must not change result type'
  if (isUnusable) unusable.add(text)
  return isUnusable
}
