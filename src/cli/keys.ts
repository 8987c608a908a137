import { openExistingKeys } from '../app/keys.ts'
import type { Config } from '../config.ts'
import type { Logger } from '../logger.ts'
import {
  countSealedUploads,
  eachSealedToken,
  replaceSealedToken,
  type SealedToken,
} from '../store/account/tokens.ts'
import type { Connection } from '../store/database.ts'
import { createEncryptor } from '../vault/encryptor.ts'
import { rotate, type SealedRecord } from '../vault/rotate.ts'
import { type CommandCall, print, UsageError } from './command.ts'
import { onDatabase } from './on-database.ts'
import { withRuntime } from './with-runtime.ts'

export async function runKeys(call: CommandCall): Promise<number> {
  if (call.words[0] !== 'rotate')
    throw new UsageError(`The keys can be rotated only, not "${call.words[0]}".`)
  return await onDatabase(call, async (url, log) => print(await rotateKeys(call.config, url, log)))
}

/**
 * Adds a new key if the keys are in the data directory, re-wraps every token under the newest key, and drops keys that nothing
 * needs, except the one before the newest. Returns a report. Running processes pick a new key of the file up; if the environment
 * gives the keys, they need the new list first.
 */
export async function rotateKeys(config: Config, databaseUrl: string, log: Logger): Promise<string> {
  return await withRuntime(databaseUrl, 'keys', log, async (runtime) => {
    const { ring, file } = await openExistingKeys(config, runtime)
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
    // A secret without a key id may need any of the keys.
    const unused =
      'none' in rotation.remaining ? [] : keys.map(({ id }) => id).filter((id) => !needed.has(id))
    if (file) await file.dropKeys(unused)
    return [
      `Key ${primary.id} is the primary key: ${rotation.rewrapped} of ${rotation.total} secrets were re-wrapped.`,
      ...Object.entries(rotation.remaining).map(
        ([id, count]) => `${count} could not be re-wrapped and still need key ${id}.`,
      ),
      ...uploads
        .filter(({ keyId }) => keyId !== primary.id)
        .map(
          ({ keyId, uploads: count }) => `${count} unfinished uploads need key ${keyId} for an hour at most.`,
        ),
      ...unused.map((id) =>
        file
          ? `Nothing needs key ${id}: it was dropped.`
          : `Nothing needs key ${id}: remove it from the list once every process has the new list.`,
      ),
    ].join('\n')
  })
}

async function* records({ db }: Connection): AsyncGenerator<SealedRecord> {
  for await (const { organizationId, row, column, sealed } of eachSealedToken(db))
    yield { associatedData: { organizationId, row, column }, sealed }
}

function columnOf(name: string): SealedToken['column'] {
  return name === 'access_token' ? 'access_token' : 'refresh_token'
}
