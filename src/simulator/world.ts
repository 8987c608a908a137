import { join } from 'node:path'
import type { LocalApp } from './app.ts'
import type { Faults } from './fault.ts'
import type { Call } from './http/call.ts'
import type { Rates } from './http/rate.ts'
import type { Reply } from './http/reply.ts'
import type { Pulls } from './post/pull.ts'
import type { Account } from './record.ts'
import type { Book } from './record-store.ts'
import type { Knobs } from './settings.ts'
import type { Outbox } from './webhook/outbox.ts'

/** What everything stands on. */
export interface Ground {
  readonly app: () => LocalApp
  readonly book: Book
  readonly faults: Faults
  readonly knobs: () => Knobs
  readonly turn: (patch: Partial<Knobs>) => void
  readonly now: () => number
  /** Where this server is reached, for upload URLs. */
  readonly url: () => string
  readonly directory: string
}

/** All that an endpoint may look at or change. */
export interface World extends Ground {
  readonly rates: Rates
  readonly outbox: Outbox
  readonly pulls: Pulls
}

export type Handler = (world: World, call: Call) => Promise<Reply>

/** Where the bytes of a video lie, or those of one of several photos. */
export function keptBytes({ directory }: Ground, publishId: string, photo?: number): string {
  return join(directory, 'media', photo === undefined ? `${publishId}.mp4` : `${publishId}.${photo}`)
}

export function accountNamed({ book }: Pick<Ground, 'book'>, username: string): Account | undefined {
  return book.all('account').find((account) => account.username === username)
}
