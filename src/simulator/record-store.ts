import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type {
  AccessToken,
  Account,
  Code,
  Counters,
  Delivery,
  Grant,
  LocalApp,
  Publish,
  Rate,
  RefreshToken,
} from './record.ts'

interface Rows {
  readonly account: Account
  readonly app: Partial<LocalApp>
  readonly code: Code
  readonly grant: Grant
  readonly access: AccessToken
  readonly refresh: RefreshToken
  readonly publish: Publish
  readonly delivery: Delivery
  readonly rate: Rate
  readonly counters: Partial<Counters>
  /** Milliseconds that the clock was put forward by. */
  readonly clock: number
}

type Table = keyof Rows

/** Everything the local TikTok knows, by table and key. `put` has reached the operating system when it returns. */
export interface RecordStore {
  get<T extends Table>(table: T, key: string): Rows[T] | undefined
  all<T extends Table>(table: T): IteratorObject<Rows[T]>
  put<T extends Table>(table: T, key: string, row: Rows[T]): void
  close(): void
}

/**
 * Opens the recordStore of a directory, or one in memory.
 *
 * One line of JSON per change, read back on opening and then rewritten as one line per row (to a temporary file, renamed
 * over the old one). A kill loses nothing that was answered: the line is written before the answer, and a last line that
 * was cut belongs to an answer that was never given.
 */
export function openRecordStore(directory: string | undefined): RecordStore {
  const tables = new Map<string, Map<string, unknown>>()
  const tableOf = (table: string) => {
    const rows = tables.get(table) ?? new Map<string, unknown>()
    tables.set(table, rows)
    return rows
  }
  const journal = directory === undefined ? undefined : openJournal(directory, tableOf)
  let isOpen = true

  return {
    // What goes in under a table's name comes out under it.
    get: <T extends Table>(table: T, key: string) => tableOf(table).get(key) as Rows[T] | undefined,
    all: <T extends Table>(table: T) => tableOf(table).values() as IteratorObject<Rows[T]>,
    put(table, key, row) {
      // A late handler must not write to a file descriptor that may be somebody else's by now.
      if (!isOpen) throw new Error('the recordStore is closed')
      tableOf(table).set(key, row)
      if (journal !== undefined) writeSync(journal, line(table, key, row))
    },
    close() {
      if (isOpen && journal !== undefined) closeSync(journal)
      isOpen = false
    },
  }
}

type TableOf = (table: string) => Map<string, unknown>

function openJournal(directory: string, tableOf: TableOf): number {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, 'records.jsonl')
  const names = new Set<string>()
  for (const entry of existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []) {
    const row = parseLine(entry)
    if (!row) continue
    tableOf(row[0]).set(row[1], row[2])
    names.add(row[0])
  }

  const compact = [...names].flatMap((name) => [...tableOf(name)].map(([key, row]) => line(name, key, row)))
  writeFileSync(`${path}.new`, compact.join(''))
  renameSync(`${path}.new`, path)
  return openSync(path, 'a')
}

function line(table: string, key: string, row: unknown): string {
  return `${JSON.stringify([table, key, row])}\n`
}

function parseLine(text: string): readonly [string, string, unknown] | undefined {
  try {
    const [table, key, row]: unknown[] = JSON.parse(text)
    return typeof table === 'string' && typeof key === 'string' ? [table, key, row] : undefined
  } catch {
    return undefined
  }
}
