import type { CommandDeps } from '../../commands/command-deps.ts'
import {
  type ReceiveUploadResult,
  receiveUpload,
  restoreDuplicated,
} from '../../commands/media/receive-upload.ts'
import { checkUploadRoom } from '../../commands/media/upload-room.ts'
import {
  ContentMismatch,
  type Storage,
  StorageDeferred,
  StorageFault,
  StorageFull,
} from '../../providers/storage/storage.ts'
import { type Db, readDatabaseTime, readInOrganization } from '../../store/database.ts'
import { findUpload } from '../../store/media/uploads.ts'
import { type Notifier, runOrganizationCommand } from '../../store/run-command.ts'
import { isUniqueViolation } from '../../store/unique-violation.ts'
import type { UploadFiles } from './upload-files.ts'
import {
  diskFull,
  problemOfRefusal,
  storageUnavailable,
  UploadProblem,
  uploadGone,
} from './upload-problem.ts'

export interface FinishDeps {
  /** Connected as the role `reelpilot_api`. */
  readonly db: Db
  readonly deps: CommandDeps
  readonly notifications: Notifier
  readonly storage: Pick<Storage, 'put'>
  readonly files: UploadFiles
}

/**
 * Completes an upload whose last byte has arrived: stores the file, records it, and removes what had arrived. Can be repeated, by other
 * processes too: what was interrupted is done again. Throws an `UploadProblem`; the bytes are then kept, so that the client can try again,
 * unless they are not what it announced.
 */
export async function finishUpload(
  { db, deps, notifications, storage, files }: FinishDeps,
  organizationId: string,
  mediaId: string,
): Promise<void> {
  const upload = await readInOrganization(db, organizationId, (tx) => findUpload(tx, organizationId, mediaId))
  const arrived = await files.find(organizationId, mediaId)
  if (!arrived || upload?.state !== 'uploading') return await files.remove(organizationId, mediaId)

  const inOrganization = <Result>(work: Parameters<typeof runOrganizationCommand<Result>>[3]) =>
    runOrganizationCommand(db, organizationId, notifications, work)
  const short = await inOrganization(async (tx) =>
    checkUploadRoom(tx, { organizationId, at: await readDatabaseTime(tx), bytes: arrived.size, mediaId }),
  )
  if (short) throw problemOfRefusal(short)

  const { declaredSha256 } = upload
  const stored = await storage
    .put(organizationId, arrived.path, {
      bytes: arrived.size,
      ...(declaredSha256 !== null && { sha256: declaredSha256 }),
    })
    .catch(async (error) => {
      if (error instanceof StorageFull) throw diskFull()
      if (error instanceof StorageFault || error instanceof StorageDeferred) throw storageUnavailable()
      if (!(error instanceof ContentMismatch)) throw error
      await files.remove(organizationId, mediaId)
      throw new UploadProblem(
        460,
        'CHECKSUM_MISMATCH',
        'The content is not the announced one. Upload it again.',
      )
    })
  const receive = (): Promise<ReceiveUploadResult> =>
    inOrganization((tx) => receiveUpload(tx, deps, { organizationId, mediaId, ...stored }))
  const received = await receive().catch((error) => {
    // Another upload of the same content was recorded at the same moment: this one is its duplicate.
    if (isUniqueViolation(error)) return receive()
    throw error
  })
  if (received.kind === 'quotaShort') throw problemOfRefusal(received)
  if (received.kind === 'duplicate') {
    const duplicated = { organizationId, mediaId: received.mediaId }
    await inOrganization((tx) => restoreDuplicated(tx, deps, duplicated))
  }
  await files.remove(organizationId, mediaId)
  if (received.kind === 'gone') throw uploadGone()
}
