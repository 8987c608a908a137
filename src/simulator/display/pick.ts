/** The fields that were asked for, and no other. */
export function pick(fields: readonly string[], all: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.entries(all).filter(([name]) => fields.includes(name)))
}
