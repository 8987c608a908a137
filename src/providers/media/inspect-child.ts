import { constants, setPriority } from 'node:os'
import type { Remedy } from '../../../machines/media.ts'
import { serveOneTask } from '../video/local/child-task.ts'
import { type MediaProbe, probeMedia } from '../video/local/probe.ts'
import { remediesOf } from './remedies.ts'

export type InspectAnswer =
  | Extract<MediaProbe, { readonly kind: 'unreadable' }>
  | (Extract<MediaProbe, { readonly kind: 'probed' }> & { readonly remedies: readonly Remedy[] })

setPriority(constants.priority.PRIORITY_BELOW_NORMAL)

serveOneTask(async (task): Promise<InspectAnswer> => {
  const { file } = task as { readonly file: string } // sent by the parent process, of the same version
  const probed = await probeMedia(file)
  return probed.kind === 'probed' ? { ...probed, remedies: await remediesOf(file, probed) } : probed
})
