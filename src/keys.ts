import path from 'node:path'
import type { Config } from './config.ts'
import { type Connection, connect } from './store/database.ts'
import {
  countSealedUploads,
  eachSealedToken,
  replaceSealedToken,
  type SealedCell,
} from './store/token-store.ts'
import type { Logger } from './telemetry/log.ts'
import { type KeyFile, openKeyFile } from './vault/key-file.ts'
import { type KeyRing, keyRingOf } from './vault/key-ring.ts'
import { rotate, type SealedRecord } from './vault/rotate.ts'
import { createSealer } from './vault/sealer.ts'

/** The keys of this installation: given by the environment, or kept in the data directory. */
export function openKeys(config: Config): { readonly ring: () => KeyRing; readonly file: KeyFile | null } {
  if (config.secretKeys) {
    const ring = keyRingOf(config.secretKeys)
    return { ring: () => ring, file: null }
  }
  const file = openKeyFile(path.join(config.dataDirectory, 'secret-key'))
  return { ring: () => file.ring(), file }
}

/**
 * Makes a new key where the ring is ours, brings every token under the newest key, and drops keys that nothing needs any
 * more but for the one before the newest. Answers what it did, in words. Running processes take the new key up by themselves;
 * where the environment gives the keys, they need the new list first.
 */
export async function rotateKeys(config: Config, databaseUrl: string, log: Logger): Promise<string> {
  const { ring, file } = openKeys(config)
  const before = ring().primary.id
  if (file) await file.addKey()
  const onError = (error: Error) => log.warn({ err: error }, 'database connection')
  const runtime = connect(databaseUrl, 'reelpilot_runtime', { max: 2, name: 'reelpilot keys', onError })
  try {
    const rotation = await rotate(createSealer(ring), records(runtime), (place, from, to) =>
      replaceSealedToken(runtime.db, { row: place.row, column: columnOf(place.column) }, from, to),
    )
    const { primary, keys } = ring()
    const uploads = await countSealedUploads(runtime.db)
    const needed = new Set([
      primary.id,
      before,
      ...Object.keys(rotation.left),
      ...uploads.map(({ keyId }) => keyId),
    ])
    // A secret that does not say which key it needs may need any of them.
    const idle = 'none' in rotation.left ? [] : keys.map(({ id }) => id).filter((id) => !needed.has(id))
    if (file) await file.dropKeys(idle)
    return [
      `The vault is sealed under key ${primary.id}: ${rotation.rewrapped} of ${rotation.seen} secrets were re-wrapped.`,
      ...Object.entries(rotation.left).map(
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
    yield { place: { organizationId, row, column }, sealed }
}

function columnOf(name: string): SealedCell['column'] {
  return name === 'access_token' ? 'access_token' : 'refresh_token'
}
