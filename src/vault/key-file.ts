import { randomBytes } from 'node:crypto'
import { chmodSync, closeSync, existsSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { withFileLock } from './file-lock.ts'
import { type Key, type KeyRing, keyBytes, keyOf, keyRingOf } from './key-ring.ts'
import { replaceFile, syncDirectoryOf } from './replace-file.ts'

/** A key ring that is kept in a file. */
export interface KeyFile {
  /** The ring as the file has it now. Throws when the file cannot be read, or is no key ring. */
  ring(): KeyRing
  /** Makes a new primary key. It is on the disk before anybody can seal with it. */
  addKey(): Promise<Key>
  /** Takes keys out of the ring; an id that is not in it is gone already. Throws a RangeError for the primary key. */
  dropKeys(ids: readonly string[]): Promise<void>
}

/** There is no key file, and a new one would open nothing of what is sealed already. */
export class KeyFileMissing extends Error {
  override readonly name = 'KeyFileMissing'

  constructor() {
    super('the key file is missing')
  }
}

/**
 * Opens the key ring of a data directory: one key a line in base64, newest first, for its owner's eyes only. Where there
 * is none it is made, with one key; of several processes that do so at once one does, and all have its key.
 *
 * Whoever loses this file loses every secret that was sealed. It belongs into a backup, but not into the database's.
 * Throws as `ring` does, and KeyFileMissing where there is none and none may be made.
 */
export function openKeyFile(file: string, { mayMake = true } = {}): KeyFile {
  if (!existsSync(file)) {
    if (!mayMake) throw new KeyFileMissing()
    withFileLock(file, () => {
      if (!existsSync(file)) writeKeys(file, [newKey()])
    })
  }
  chmodSync(file, 0o600)
  // Another process may have made it a moment ago and not come to this yet.
  syncDirectoryOf(file)

  let known = readRing(file)
  const change = <Result>(work: (ring: KeyRing) => Result): Result =>
    withFileLock(file, () => work(readRing(file).ring))

  return {
    ring() {
      if (versionOf(statSync(file, { bigint: true })) !== known.version) known = readRing(file)
      return known.ring
    },

    async addKey() {
      return change(({ primary, keys }) => {
        const key = newKey()
        // First behind the primary key, then before it: others seal with it from the second write on, and a power cut
        // can undo that one only.
        writeKeys(file, [primary, key, ...keys.slice(1)])
        writeKeys(file, [key, ...keys])
        return key
      })
    },

    async dropKeys(ids) {
      change(({ primary, keys }) => {
        if (ids.includes(primary.id)) throw new RangeError('the primary key stays in the ring')
        const kept = keys.filter(({ id }) => !ids.includes(id))
        if (kept.length < keys.length) writeKeys(file, kept)
      })
    },
  }
}

const newKey = (): Key => keyOf(randomBytes(keyBytes))

function writeKeys(file: string, keys: readonly Key[]): void {
  replaceFile(file, keys.map(({ bytes }) => `${bytes.toString('base64')}\n`).join(''))
}

interface Version {
  readonly mtimeNs: bigint
  readonly size: bigint
  readonly ino: bigint
}

const versionOf = ({ mtimeNs, size, ino }: Version): string => `${mtimeNs}/${size}/${ino}`

function readRing(file: string): { readonly ring: KeyRing; readonly version: string } {
  const handle = openSync(file, 'r')
  try {
    // Of the opened file: by its name it could be another by now.
    const version = versionOf(fstatSync(handle, { bigint: true }))
    return { ring: keyRingOf(parseKeys(readFileSync(handle, 'utf8'), file)), version }
  } finally {
    closeSync(handle)
  }
}

/** Blank lines are left out. What is no key is named by its line: the line itself may be half a key. */
function parseKeys(text: string, file: string): readonly Buffer[] {
  return text.split('\n').flatMap((line, index) => {
    const base64 = line.trim()
    const key = Buffer.from(base64, 'base64')
    if (key.toString('base64') !== base64) throw new SyntaxError(`line ${index + 1} of ${file} is not base64`)
    return base64 === '' ? [] : [key]
  })
}
