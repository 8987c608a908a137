import { auditStorage, moveStorage, type StorageAudit } from '../app/move-storage.ts'
import { openBucket, openDisk } from '../app/open-storage.ts'
import type { Config } from '../config.ts'
import { StartupError } from '../startup-error.ts'
import { type CommandCall, print, UsageError } from './command.ts'
import { onDatabase } from './on-database.ts'
import { withRuntime } from './with-runtime.ts'

export async function runStorage(call: CommandCall): Promise<number> {
  const [action, target] = call.words
  if (action === 'check' && target === undefined) return await check(call)
  if (action === 'move' && (target === 'bucket' || target === 'disk')) return await move(call, target)
  throw new UsageError('Use `storage check`, `storage move bucket` or `storage move disk`.')
}

/** Copies everything between the bucket and the data directory. Exits with 1 if an object is damaged. */
async function move(call: CommandCall, target: 'bucket' | 'disk'): Promise<number> {
  const { config, shutdown } = call
  const [bucket, disk] = [await requireBucket(config), await openDisk(config)]
  const [from, to] = target === 'bucket' ? [disk, bucket] : [bucket, disk]
  return await onDatabase(call, (url, log) =>
    withRuntime(url, 'storage', log, async ({ db }) => {
      const { copied, copiedBytes, skipped, damaged } = await moveStorage(db, { from, to, signal: shutdown })
      print(`Copied ${copied} objects (${copiedBytes} bytes); ${skipped} were there already.`)
      if (damaged.length === 0) return 0
      return print(`Damaged, and not copied:\n${damaged.map((name) => `  ${name}`).join('\n')}`, 1)
    }),
  )
}

/** Compares the rows with the objects that are really there. Exits with 1 if a file is missing. */
async function check(call: CommandCall): Promise<number> {
  const storage = (await openBucket(call.config)) ?? (await openDisk(call.config))
  return await onDatabase(call, (url, log) =>
    withRuntime(url, 'storage', log, async ({ db }) => {
      const audits = await auditStorage(db, storage)
      return print(audits.map(describe).join('\n'), audits.some(({ missing }) => missing.length > 0) ? 1 : 0)
    }),
  )
}

function describe({
  organization,
  countedBytes,
  storedBytes,
  missing,
  clips,
  unneeded,
}: StorageAudit): string {
  return [
    `${organization}: ${countedBytes} bytes are counted, ${storedBytes} are stored`,
    ...missing.map((name) => `  missing: ${name}`),
    ...(clips > 0 ? [`  ${clips} clips of unfinished jobs are not counted`] : []),
    ...(unneeded > 0 ? [`  ${unneeded} objects are not needed; the sweep removes them`] : []),
  ].join('\n')
}

async function requireBucket(config: Config) {
  const bucket = await openBucket(config)
  if (!bucket) throw new StartupError('S3_URL: set the bucket to move to or from')
  return bucket
}
