/** Each connection keeps the plans of its named statements in memory: about 20 kB each. */
const maxNames = 500

const names = new Map<string, string>()

/**
 * A name for a statement, by which each connection parses and plans it once. Undefined, and the statement is planned each time,
 * beyond 500 different texts: a text that depends on the length of a list would otherwise fill the server's memory.
 */
export function statementName(text: string): string | undefined {
  const known = names.get(text)
  if (known !== undefined || names.size >= maxNames) return known
  const name = `reelpilot_${names.size}`
  names.set(text, name)
  return name
}
