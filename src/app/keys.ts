import path from 'node:path'
import type { Config } from '../config.ts'
import type { Logger } from '../logger.ts'
import { ConfigError } from '../startup-error.ts'
import {
  countSealedUploads,
  eachSealedToken,
  hasSealedRows,
  listAccountsSealedUnder,
  listNeededKeys,
  replaceSealedToken,
  type SealedToken,
} from '../store/account/tokens.ts'
import { type Connection, connect } from '../store/database.ts'
import { createEncryptor } from '../vault/encryptor.ts'
import { type KeyFile, KeyFileMissing, openKeyFile } from '../vault/key-file.ts'
import { type KeyRing, keyRingOf } from '../vault/key-ring.ts'
import { rotate, type SealedRecord } from '../vault/rotate.ts'
import { cacheFor } from './cache-for.ts'

/** The keys of this installation: given by the environment, or kept in the data directory. */
export function openKeys(
  config: Config,
  options: { readonly mayMake?: boolean } = {},
): { readonly ring: () => KeyRing; readonly file: KeyFile | null } {
  if (config.secretKeys) {
    const ring = keyRingOf(config.secretKeys)
    return { ring: () => ring, file: null }
  }
  const file = openKeyFile(path.join(config.dataDirectory, 'secret-key'), options)
  return { ring: () => file.ring(), file }
}

/**
 * The keys of this installation, if they open what is sealed in the database; a first key is made only where nothing is. Throws
 * ConfigError otherwise: with a new key everything would look healthy, and every job would fail.
 */
export async function openRequiredKeys(
  config: Config,
  runtime: Connection,
): Promise<ReturnType<typeof openKeys>> {
  const keys = await openOrExplain(config, runtime)
  const missing = missingKeys(keys.ring(), await listNeededKeys(runtime.db))
  if (missing.length > 0) throw new ConfigError(keyLost(config, missing))
  return keys
}

async function openOrExplain(config: Config, { db }: Connection): Promise<ReturnType<typeof openKeys>> {
  try {
    return openKeys(config, { mayMake: !(await hasSealedRows(db)) })
  } catch (error) {
    if (!(error instanceof KeyFileMissing)) throw error
    throw new ConfigError(keyLost(config, await listNeededKeys(db)))
  }
}

function missingKeys(ring: KeyRing, needed: readonly string[]): readonly string[] {
  return needed.filter((id) => !ring.keys.some((key) => key.id === id))
}

/** What is sealed under keys that are not in the ring, while the process runs: the file may be replaced under it. */
export interface KeyCheck {
  /** The ids of the keys that are needed and not here. */
  missing(): Promise<readonly string[]>
  /** Those of an organization's accounts whose tokens need such a key. */
  accountsLackingKey(organizationId: string, accountIds: readonly string[]): Promise<ReadonlySet<string>>
}

/** Every probe and everybody who looks at an account asks, and the look is at all accounts. */
const lookEveryMs = 5_000

export function createKeyCheck(
  ring: () => KeyRing,
  { db }: Pick<Connection, 'db'>,
  now?: () => number,
): KeyCheck {
  const look = async (): Promise<readonly string[]> => {
    const needed = await listNeededKeys(db)
    try {
      return missingKeys(ring(), needed)
    } catch {
      return needed // The file is gone, or cannot be read.
    }
  }
  const missing = cacheFor(lookEveryMs, look, now)
  return {
    missing,
    async accountsLackingKey(organizationId, accountIds) {
      const keyIds = await missing()
      if (keyIds.length === 0) return new Set()
      return new Set(await listAccountsSealedUnder(db, organizationId, { accountIds, keyIds }))
    },
  }
}

function keyLost({ secretKeys }: Config, missing: readonly string[]): string {
  const keys = missing.length === 0 ? 'its key' : `key ${missing.join(' and ')}`
  const back = secretKeys
    ? 'add it to REELPILOT_SECRET_KEY'
    : 'put the file `secret-key` of the data directory back from a backup, or set REELPILOT_SECRET_KEY'
  return `The database holds tokens that are sealed under ${keys}, which is not here: ${back}, and start again.`
}

/**
 * Makes a new key where the ring is ours, brings every token under the newest key, and drops keys that nothing needs any
 * more but for the one before the newest. Answers what it did, in words. Running processes take the new key up by themselves;
 * where the environment gives the keys, they need the new list first.
 */
export async function rotateKeys(config: Config, databaseUrl: string, log: Logger): Promise<string> {
  const onError = (error: Error) => log.warn({ err: error }, 'database connection')
  const runtime = connect(databaseUrl, 'reelpilot_runtime', { max: 2, name: 'reelpilot keys', onError })
  try {
    const { ring, file } = await openOrExplain(config, runtime)
    const before = ring().primary.id
    if (file) await file.addKey()
    const rotation = await rotate(createEncryptor(ring), records(runtime), (associatedData, from, to) =>
      replaceSealedToken(
        runtime.db,
        { row: associatedData.row, column: columnOf(associatedData.column) },
        from,
        to,
      ),
    )
    const { primary, keys } = ring()
    const uploads = await countSealedUploads(runtime.db)
    const needed = new Set([
      primary.id,
      before,
      ...Object.keys(rotation.remaining),
      ...uploads.map(({ keyId }) => keyId),
    ])
    // A secret that does not say which key it needs may need any of them.
    const idle = 'none' in rotation.remaining ? [] : keys.map(({ id }) => id).filter((id) => !needed.has(id))
    if (file) await file.dropKeys(idle)
    return [
      `The vault is sealed under key ${primary.id}: ${rotation.rewrapped} of ${rotation.total} secrets were re-wrapped.`,
      ...Object.entries(rotation.remaining).map(
        ([id, count]) => `${count} could not be, and still need key ${id}.`,
      ),
      ...uploads
        .filter(({ keyId }) => keyId !== primary.id)
        .map(
          ({ keyId, uploads: count }) => `${count} uploads under way need key ${keyId} for an hour at most.`,
        ),
      ...idle.map(
        (id) =>
          `Key ${id} is needed by nothing any more${file ? ', and dropped' : ': take it out of the list once every process has the new one'}.`,
      ),
    ].join('\n')
  } finally {
    await runtime.close()
  }
}

async function* records({ db }: Connection): AsyncGenerator<SealedRecord> {
  for await (const { organizationId, row, column, sealed } of eachSealedToken(db))
    yield { associatedData: { organizationId, row, column }, sealed }
}

function columnOf(name: string): SealedToken['column'] {
  return name === 'access_token' ? 'access_token' : 'refresh_token'
}
