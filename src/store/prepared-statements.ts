import type pg from 'pg'
import { forgetIfUnusable, statementName } from './statement-name.ts'

/** A text gets its name when it is sent for the third time: most texts are sent once. */
const usesBeforeNaming = 2
/** How many texts are counted. Most of them are never named, because they depend on the length of a list. */
const maxCounted = 2_000

const uses = new Map<string, number>()

/** The name of a statement that this process sends often; undefined for all others. */
export function nameOfFrequent(text: string): string | undefined {
  // pg-boss sends some statements together, and such a text cannot have a name.
  if (text.includes(';')) return undefined
  const count = uses.get(text) ?? 0
  if (count >= usesBeforeNaming) return statementName(text)
  if (uses.size >= maxCounted) uses.clear()
  uses.set(text, count + 1)
  return undefined
}

type Callback = (error: unknown, result?: unknown) => void

/**
 * Makes a connection parse and plan its frequent statements once. Kysely and pg-boss send every statement as a text with values, which
 * the server would otherwise parse and plan each time.
 */
export function prepareFrequent(client: pg.ClientBase): void {
  const query = client.query.bind(client) as (query: unknown, values?: unknown, callback?: unknown) => unknown
  const prepared = (text: unknown, values?: unknown, callback?: Callback): unknown => {
    const name = typeof text === 'string' && Array.isArray(values) ? nameOfFrequent(text) : undefined
    if (typeof text !== 'string' || name === undefined) return query(text, values, callback)
    const named = { name, text }
    // Inside a transaction the repetition fails too, with the transaction.
    if (callback)
      return query(named, values, (error: unknown, result: unknown) =>
        forgetIfUnusable(text, error) ? query(text, values, callback) : callback(error, result),
      )
    return (query(named, values) as Promise<unknown>).catch((error: unknown) => {
      if (forgetIfUnusable(text, error)) return query(text, values)
      throw error
    })
  }
  client.query = prepared as typeof client.query
}
