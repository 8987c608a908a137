import type { SimulatorDependencies } from '../dependencies.ts'
import type { Publish } from '../record.ts'
import type { Outbox } from '../webhook/outbox.ts'
import { newPostId } from './post-id.ts'
import { readTitleDirectives } from './title-directives.ts'

/** Finds a post by its upload id, which is the end of its publish id. */
export function findUpload(
  { recordStore }: Pick<SimulatorDependencies, 'recordStore'>,
  uploadId: string,
): Publish | undefined {
  return (
    recordStore.get('publish', `v_pub_file~v2-1.${uploadId}`) ??
    recordStore.get('publish', `v_inbox_file~v2.${uploadId}`)
  )
}

/** Stores a post and schedules its webhooks. */
export function savePublish(
  { recordStore, outbox }: Pick<SimulatorDependencies, 'recordStore'> & { readonly outbox: Outbox },
  publish: Publish,
): void {
  recordStore.put('publish', publish.publishId, publish)
  outbox.track(publish)
}

export interface CompletedMedia {
  readonly at: number
  readonly received: number
  readonly sha256?: string
  readonly mediaFailReason?: string
  readonly coverTimestampMs?: number
}

/** Completes a post whose bytes have all arrived. A direct post gets its ids here; a draft gets one each time it is posted. */
export function completePublish(
  dependencies: SimulatorDependencies,
  publish: Publish,
  { at, ...media }: CompletedMedia,
): Publish {
  const ids = publish.mode === 'draft' ? 0 : readTitleDirectives(publish.title).idCount
  const postIds = Array.from({ length: ids }, () => newPostId(dependencies, publish))
  return { ...publish, ...media, completedAt: at, postIds }
}
