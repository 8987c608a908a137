import type { SimulatorDependencies } from '../dependencies.ts'
import type { Publish } from '../record.ts'
import type { Outbox } from '../webhook/outbox.ts'
import { newPostId } from './post-id.ts'
import { scriptOf } from './title-directives.ts'

/** The upload of an id: the id is the end of the publish id, so that nothing is searched. */
export function uploadOf(
  { recordStore }: Pick<SimulatorDependencies, 'recordStore'>,
  uploadId: string,
): Publish | undefined {
  return (
    recordStore.get('publish', `v_pub_file~v2-1.${uploadId}`) ??
    recordStore.get('publish', `v_inbox_file~v2.${uploadId}`)
  )
}

/** Writes a post down, and lets the outbox see what is to be told of it. */
export function keepPublish(
  { recordStore, outbox }: Pick<SimulatorDependencies, 'recordStore'> & { readonly outbox: Outbox },
  publish: Publish,
): void {
  recordStore.put('publish', publish.publishId, publish)
  outbox.watch(publish)
}

export interface CompletedMedia {
  readonly at: number
  readonly received: number
  readonly sha256?: string
  readonly mediaFault?: string
}

/** A post whose bytes are all there. A direct one has its ids from here on; a draft gets one each time it is posted. */
export function completed(
  dependencies: SimulatorDependencies,
  publish: Publish,
  { at, ...media }: CompletedMedia,
): Publish {
  const ids = publish.mode === 'draft' ? 0 : scriptOf(publish.title).idCount
  const postIds = Array.from({ length: ids }, () => newPostId(dependencies, publish))
  return { ...publish, ...media, completedAt: at, postIds }
}
