import path from 'node:path'
import type { Config } from '../config.ts'
import { ConfigError } from '../startup-error.ts'
import { hasSealedRows, listAccountsSealedUnder, listNeededKeys } from '../store/account/tokens.ts'
import type { Connection } from '../store/database.ts'
import { type KeyFile, KeyFileMissing, openKeyFile } from '../vault/key-file.ts'
import { type KeyRing, keyRingOf } from '../vault/key-ring.ts'
import { cacheFor } from './cache-for.ts'

export interface Keys {
  readonly ring: () => KeyRing
  /** Null if the environment gives the keys. */
  readonly file: KeyFile | null
}

/** Opens the keys of this installation: those of the environment, or of the file `secret-key` in the data directory. */
export function openKeys(config: Config, options: { readonly canCreate?: boolean } = {}): Keys {
  if (config.secretKeys) {
    const ring = keyRingOf(config.secretKeys)
    return { ring: () => ring, file: null }
  }
  const file = openKeyFile(path.join(config.dataDirectory, 'secret-key'), options)
  return { ring: () => file.ring(), file }
}

/**
 * Opens the keys and requires every key that the database needs. Throws `ConfigError` if one is missing: with a new key the
 * process would look healthy and every job would fail.
 */
export async function openRequiredKeys(config: Config, runtime: Connection): Promise<Keys> {
  const keys = await openExistingKeys(config, runtime)
  const missing = missingKeys(keys.ring(), await listNeededKeys(runtime.db))
  if (missing.length > 0) throw new ConfigError(missingKeyMessage(config, missing))
  return keys
}

/** Opens the keys. A first key is created only while nothing is sealed; otherwise a missing file is a `ConfigError`. */
export async function openExistingKeys(config: Config, { db }: Connection): Promise<Keys> {
  try {
    return openKeys(config, { canCreate: !(await hasSealedRows(db)) })
  } catch (error) {
    if (!(error instanceof KeyFileMissing)) throw error
    throw new ConfigError(missingKeyMessage(config, await listNeededKeys(db)))
  }
}

function missingKeys(ring: KeyRing, needed: readonly string[]): readonly string[] {
  return needed.filter((id) => !ring.keys.some((key) => key.id === id))
}

/** Finds sealed tokens whose keys are missing. The key file can be replaced while the process runs. */
export interface KeyCheck {
  /** The ids of the needed keys that are missing. */
  missing(): Promise<readonly string[]>
  /** The accounts of an organization whose tokens need a missing key. */
  accountsLackingKey(organizationId: string, accountIds: readonly string[]): Promise<ReadonlySet<string>>
}

/** Every readiness probe and account query asks, and a check reads all accounts. */
const cacheMs = 5_000

export function createKeyCheck(
  ring: () => KeyRing,
  { db }: Pick<Connection, 'db'>,
  now?: () => number,
): KeyCheck {
  const findMissing = async (): Promise<readonly string[]> => {
    const needed = await listNeededKeys(db)
    try {
      return missingKeys(ring(), needed)
    } catch {
      return needed // The key file is missing or unreadable.
    }
  }
  const missing = cacheFor(cacheMs, findMissing, now)
  return {
    missing,
    async accountsLackingKey(organizationId, accountIds) {
      const keyIds = await missing()
      if (keyIds.length === 0) return new Set()
      return new Set(await listAccountsSealedUnder(db, organizationId, { accountIds, keyIds }))
    },
  }
}

function missingKeyMessage({ secretKeys }: Config, missing: readonly string[]): string {
  const keys = missing.length === 0 ? 'its key' : `key ${missing.join(' and ')}`
  const remedy = secretKeys
    ? 'add it to REELPILOT_SECRET_KEY'
    : 'restore the file `secret-key` of the data directory from a backup, or set REELPILOT_SECRET_KEY'
  return `The database has tokens that are sealed under ${keys}, which is missing: ${remedy}, and start again.`
}
