import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A Lua script, which Redis or Valkey runs atomically. */
export interface Script {
  readonly text: string
  readonly sha1: string
}

const read = (name: string) => readFileSync(new URL(`${name}.lua`, import.meta.url), 'utf8')

function script(name: string): Script {
  const text = `${read('reservations')}\n${read(name)}`
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}

export const scripts = {
  probe: script('probe'),
  acquire: script('acquire'),
  release: script('release'),
  consumeTokens: script('consume-tokens'),
  listWindows: script('list-windows'),
} as const
