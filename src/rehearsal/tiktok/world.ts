import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import type { Book } from './book.ts'
import type { Faults } from './fault.ts'
import type { Knobs } from './knob.ts'
import type { RateWindows } from './rate-window.ts'
import { type Account, type Counters, noCounters } from './record.ts'
import type { Reply } from './reply.ts'

export interface LocalApp {
  readonly clientKey: string
  readonly clientSecret: string
  /** Registered; a port of `*` stands for any, as TikTok has it for loopback. */
  readonly redirectUri: string
}

/** All that an endpoint may look at or change. */
export interface World {
  readonly app: LocalApp
  readonly book: Book
  readonly faults: Faults
  readonly windows: RateWindows
  readonly knobs: () => Knobs
  readonly now: () => number
  /** Where this server is reached, for upload URLs. */
  readonly url: () => string
  readonly directory: string
}

/** One request, routed. */
export interface Call {
  readonly request: IncomingMessage
  readonly url: URL
}

export type Handler = (world: World, call: Call) => Promise<Reply>

export function keptBytes(world: World, publishId: string): string {
  return join(world.directory, 'media', `${publishId}.mp4`)
}

export function countersOf(world: World): Counters {
  return world.book.get('counters', 'all') ?? noCounters
}

export type CountedName = Exclude<keyof Counters, 'refused'>

export function count(world: World, name: CountedName, by = 1): void {
  const counters = countersOf(world)
  world.book.put('counters', 'all', { ...counters, [name]: counters[name] + by })
}

export function countRefusal(world: World, code: string): void {
  const counters = countersOf(world)
  const refused = { ...counters.refused, [code]: (counters.refused[code] ?? 0) + 1 }
  world.book.put('counters', 'all', { ...counters, refused })
}

export function accountNamed(world: World, username: string): Account | undefined {
  return world.book.all('account').find((account) => account.username === username)
}
