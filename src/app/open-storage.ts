import path from 'node:path'
import { registerBreakers } from '../circuit-breaker/breaker.ts'
import type { CallOutcome } from '../circuit-breaker/outcome.ts'
import type { WithBreaker } from '../circuit-breaker/with-breaker.ts'
import type { Config } from '../config.ts'
import { createDiskStorage } from '../providers/storage/disk-storage.ts'
import type { StorageGuard } from '../providers/storage/s3/s3-client.ts'
import { createS3Storage, type S3Storage } from '../providers/storage/s3/s3-storage.ts'
import {
  ContentMismatch,
  ObjectMissing,
  type Storage,
  StorageDeferred,
  StorageFault,
  StorageFull,
} from '../providers/storage/storage.ts'
import { Secret } from '../secret.ts'
import { ConfigError, StartupError } from '../startup-error.ts'
import type { Db } from '../store/database.ts'
import { verdictFor } from '../verdict/failure-verdict.ts'

/** The key of the circuit breaker of the object storage. */
export const storageBreaker = 'storage'

type StorageConfig = Pick<Config, 'bucket' | 'storageCacheBytes' | 'dataDirectory'>

/** Opens the bucket of the settings, behind its circuit breaker, or else the data directory. */
export async function openStorage(
  config: StorageConfig,
  { db, withBreaker }: { readonly db: Db; readonly withBreaker: WithBreaker },
): Promise<Storage> {
  const bucket = await openBucket(config, createStorageGuard(withBreaker))
  if (!bucket) return await openDisk(config)
  await registerBreakers(db, [storageBreaker])
  return bucket
}

export async function openDisk({ dataDirectory }: Pick<Config, 'dataDirectory'>): Promise<Storage> {
  return await createDiskStorage({ directory: path.join(dataDirectory, 'media') })
}

/** Opens the bucket of the settings, without a breaker by default; null if there is none. */
export async function openBucket(config: StorageConfig, guard?: StorageGuard): Promise<S3Storage | null> {
  if (!config.bucket) return null
  const { secretAccessKey, region, ...bucket } = config.bucket
  return await createS3Storage({
    bucket: { ...bucket, secretAccessKey: new Secret(secretAccessKey), ...(region && { region }) },
    cache: {
      directory: path.join(config.dataDirectory, 'storage-cache'),
      maxBytes: config.storageCacheBytes,
    },
    ...(guard && { guard }),
  })
}

/** Runs requests behind the breaker, so that all processes leave a storage alone that does not work. */
export function createStorageGuard(withBreaker: WithBreaker): StorageGuard {
  return async ({ timeoutMs }, run) => {
    const guarded = await withBreaker(
      { key: storageBreaker, timeoutMs: timeoutMs + recordingMs },
      run,
      outcomeOf,
    )
    if (guarded.kind === 'deferred') throw new StorageDeferred(guarded)
    return guarded.value
  }
}

/** The time that recording the outcome can take after the request's own deadline. */
const recordingMs = 5_000

/** What an error says about the storage. Wrong settings fail every request, until they are corrected. */
function outcomeOf(error: unknown): CallOutcome {
  if (error instanceof StorageFault)
    return error.fault === 'STORAGE_REFUSED'
      ? { kind: 'ignored' }
      : { kind: 'failure', ...(error.afterSeconds !== undefined && { afterSeconds: error.afterSeconds }) }
  const isAnswer = [ObjectMissing, StorageFull, ContentMismatch].some((kind) => error instanceof kind)
  return { kind: isAnswer ? 'success' : 'notExecuted' }
}

/**
 * Throws `ConfigError` if the bucket cannot be used as it is set up. One that does not answer or is full now is no reason to refuse a
 * start, because jobs wait for it: `onUnavailable` gets a `StartupError` that says so.
 */
export async function refuseWrongBucket(
  config: StorageConfig,
  onUnavailable: (error: StartupError) => void,
): Promise<void> {
  const bucket = await openBucket(config)
  try {
    await bucket?.check()
  } catch (error) {
    const fault =
      error instanceof StorageFault ? error.fault : error instanceof StorageFull ? 'STORAGE_FULL' : null
    if (!(error instanceof Error) || fault === null) throw error
    const { meaning, nextStep } = verdictFor('reelpilot', fault).verdict
    const message = `${meaning} ${nextStep} (${error.message})`
    if (isPassing.has(fault)) return onUnavailable(new StartupError(message, { cause: error }))
    throw new ConfigError(`S3_URL: ${message}`, { cause: error })
  }
}

const isPassing: ReadonlySet<string> = new Set(['STORAGE_UNREACHABLE', 'STORAGE_BUSY', 'STORAGE_FULL'])
