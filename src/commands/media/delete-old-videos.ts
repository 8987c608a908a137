import type { Db } from '../../store/database.ts'
import { listOldVideos } from '../../store/media/old-videos.ts'
import { type Notifier, runCommand } from '../../store/run-command.ts'
import type { CommandDeps } from '../command-deps.ts'
import { deleteMedia } from './change-media.ts'

/** Ids are compared with this one: all are greater. */
const beforeAll = '00000000-0000-0000-0000-000000000000'

/**
 * Deletes the videos of jobs that nobody has needed for some days, as a person would: their files are removed after the grace, which frees
 * their quota. Each has a transaction of its own, in which it is compared again with what needs it. Returns how many were deleted.
 */
export async function deleteOldVideos(
  db: Db,
  deps: CommandDeps,
  notifier: Notifier,
  days: number,
  batchSize = 500,
): Promise<number> {
  let deleted = 0
  let after = beforeAll
  for (;;) {
    const videos = await listOldVideos(db, days, { after, limit: batchSize })
    for (const { id: mediaId, organizationId } of videos) {
      const { kind } = await runCommand(db, notifier, (tx) =>
        deleteMedia(tx, deps, { organizationId, mediaId }),
      )
      if (kind === 'done') deleted += 1
      after = mediaId
    }
    if (videos.length < batchSize) return deleted
  }
}
