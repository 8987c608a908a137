import { mediaMachine } from '../../definitions/machines.ts'
import { wakeAtOf } from '../../durable/checkpoint.ts'
import { initialCheckpoint } from '../../durable/decide.ts'
import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { insertInstance } from '../../store/job/jobs.ts'
import type { LockedMedia } from '../../store/media/changes.ts'

/** Gives the video of a job its instance of the media machine, in the state `ready`, if it has none yet. Nothing wakes it. */
export async function ensureInstance(
  tx: Tx,
  organizationId: string,
  { id, hasInstance }: Pick<LockedMedia, 'id' | 'hasInstance'>,
): Promise<void> {
  if (hasInstance) return
  const at = await readDatabaseTime(tx)
  const facts = { at, key: `${id}/1`, epoch: null }
  const checkpoint = initialCheckpoint(mediaMachine, { mediaId: id, from: 'job' }, facts)
  const wakeAt = wakeAtOf(checkpoint, at)
  await insertInstance(tx, { id, organizationId, slotId: null, accountId: null, checkpoint, wakeAt })
}
