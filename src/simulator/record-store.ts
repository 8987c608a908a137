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

interface RecordTables {
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
  /** Milliseconds by which the clock was advanced. */
  readonly clock: number
}

type Table = keyof RecordTables

/** All records by table and key. `put` returns after the operating system has the line. */
export interface RecordStore {
  get<T extends Table>(table: T, key: string): RecordTables[T] | undefined
  all<T extends Table>(table: T): IteratorObject<RecordTables[T]>
  put<T extends Table>(table: T, key: string, row: RecordTables[T]): void
  close(): void
}

/**
 * Opens the record store of a directory, or one in memory.
 *
 * The journal has one line of JSON per change. Opening reads it and compacts it to one line per row, in a temporary file that
 * replaces the old one. A kill loses nothing that was answered: a line is written before its answer, and an incomplete last
 * line belongs to an answer that was never sent.
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
    // A table holds only rows of its type, because `put` checks them.
    get: <T extends Table>(table: T, key: string) => tableOf(table).get(key) as RecordTables[T] | undefined,
    all: <T extends Table>(table: T) => tableOf(table).values() as IteratorObject<RecordTables[T]>,
    put(table, key, row) {
      // A late handler must not write: the file descriptor may belong to another file by now.
      if (!isOpen) throw new Error('the record store is closed')
      tableOf(table).set(key, row)
      if (journal !== undefined) writeSync(journal, journalLine(table, key, row))
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

  const compact = [...names].flatMap((name) =>
    [...tableOf(name)].map(([key, row]) => journalLine(name, key, row)),
  )
  writeFileSync(`${path}.new`, compact.join(''))
  renameSync(`${path}.new`, path)
  return openSync(path, 'a')
}

function journalLine(table: string, key: string, row: unknown): string {
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
