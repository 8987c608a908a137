import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A Lua script that Redis or Valkey runs as one step. */
export interface Script {
  readonly text: string
  readonly sha1: string
}

const read = (name: string) => readFileSync(new URL(`${name}.lua`, import.meta.url), 'utf8')

function script(name: string): Script {
  const text = `${read('places')}\n${read(name)}`
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}

export const scripts = {
  identify: script('identify'),
  acquirePlaces: script('acquire-places'),
  giveBackPlaces: script('give-back-places'),
  takeTokens: script('take-tokens'),
  listWindows: script('list-windows'),
} as const
