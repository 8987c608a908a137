import { randomBytes } from 'node:crypto'
import { chmodSync, closeSync, existsSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { withFileLock } from './file-lock.ts'
import { type Key, type KeyRing, keyBytes, keyOf, keyRingOf } from './key-ring.ts'
import { replaceFile, syncDirectoryOf } from './replace-file.ts'

/** A key ring stored in a file. */
export interface KeyFile {
  /** The ring as it is in the file now. Throws if the file cannot be read or is not a key ring. */
  ring(): KeyRing
  /** Adds a new primary key. It is on the disk before any process can seal with it. */
  addKey(): Promise<Key>
  /** Removes keys from the ring. Unknown ids are ignored. Throws a `RangeError` for the primary key. */
  dropKeys(ids: readonly string[]): Promise<void>
}

/** There is no key file, and a new one would open none of the existing secrets. */
export class KeyFileMissing extends Error {
  override readonly name = 'KeyFileMissing'

  constructor() {
    super('the key file is missing')
  }
}

/**
 * Opens the key ring of a data directory: one base64 key per line, newest first, readable by its owner only. A missing file is
 * created with one key; of several processes that open it at the same time one creates it, and all get its key.
 *
 * Without this file every sealed secret is lost. Back it up, but not together with the database. Throws what `ring` throws, and
 * `KeyFileMissing` if the file is missing and `canCreate` is false.
 */
export function openKeyFile(file: string, { canCreate = true } = {}): KeyFile {
  if (!existsSync(file)) {
    if (!canCreate) throw new KeyFileMissing()
    withFileLock(file, () => {
      if (!existsSync(file)) writeKeys(file, [newKey()])
    })
  }
  chmodSync(file, 0o600)
  // Another process may have created the file a moment ago and not synced it yet.
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
        // The key is written behind the primary key first, then in front of it. Other processes seal with it only after the
        // second write, and the first write keeps the key if a power cut undoes the second.
        writeKeys(file, [primary, key, ...keys.slice(1)])
        writeKeys(file, [key, ...keys])
        return key
      })
    },

    async dropKeys(ids) {
      change(({ primary, keys }) => {
        if (ids.includes(primary.id)) throw new RangeError('the primary key cannot be dropped')
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
    // The version of the opened file: its name may refer to another file by now.
    const version = versionOf(fstatSync(handle, { bigint: true }))
    return { ring: keyRingOf(parseKeys(readFileSync(handle, 'utf8'), file)), version }
  } finally {
    closeSync(handle)
  }
}

/** Skips blank lines. An error names a line by its number only, because the line may contain part of a key. */
function parseKeys(text: string, file: string): readonly Buffer[] {
  return text.split('\n').flatMap((line, index) => {
    const base64 = line.trim()
    const key = Buffer.from(base64, 'base64')
    if (key.toString('base64') !== base64) throw new SyntaxError(`line ${index + 1} of ${file} is not base64`)
    return base64 === '' ? [] : [key]
  })
}
