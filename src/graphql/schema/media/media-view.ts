import type { MediaContext } from '../../../../machines/media.ts'
import { mediaMachine } from '../../../definitions/machines.ts'
import type { Checkpoint } from '../../../durable/checkpoint.ts'
import { acceptedEvents, initialCheckpoint } from '../../../durable/decide.ts'
import { contextOf, leafPaths, loadCheckpoint, UnknownCheckpoint } from '../../../durable/machine.ts'
import type { MediaRecord } from '../../../store/media/media.ts'

/** The areas of the media machine as the API names them. */
const areas = {
  uploading: 'UPLOADING',
  checking: 'CHECKING',
  illustrating: 'CHECKING',
  ready: 'READY',
  refused: 'REFUSED',
  converting: 'CONVERTING',
  deleted: 'DELETED',
  purging: 'DELETED',
  purged: 'DELETED',
  expired: 'EXPIRED',
  duplicate: 'DUPLICATE',
} as const
export type MediaState = (typeof areas)[keyof typeof areas]

/** Where a media stands, from its machine's state, such as `checking.probing`. Throws for a state of no area. */
export function mediaStateOf(path: string): MediaState {
  const [area = ''] = path.split('.')
  if (!Object.hasOwn(areas, area)) throw new Error(`the media machine has no state "${path}"`)
  return areas[area as keyof typeof areas] // One of them, as was just asked.
}

/** The states of the machine that the API shows as one of some states. */
export function pathsOfStates(states: readonly MediaState[]): readonly string[] {
  return [...leafPaths(mediaMachine)].filter(
    (path) => path !== 'added' && states.includes(mediaStateOf(path)),
  )
}

/** What people may send a media, each by a mutation. */
const peoplesEvents: ReadonlySet<string> = new Set(['delete', 'restore', 'recheck', 'convert'])

/** None of a checkpoint that this build cannot read. */
export function eventsOfMedia(media: MediaRecord): readonly string[] {
  try {
    const { checkpoint } = loadCheckpoint(
      new Map([[mediaMachine.name, mediaMachine]]),
      media.checkpoint ?? readyFromJob(media),
    )
    return acceptedEvents(mediaMachine, checkpoint).filter((event) => peoplesEvents.has(event))
  } catch (error) {
    if (error instanceof UnknownCheckpoint) return []
    throw error
  }
}

/** What the machine remembers of a media; nothing of a job's video. */
export function contextOfMedia({ checkpoint }: MediaRecord): Partial<MediaContext> {
  return checkpoint ? contextOf(mediaMachine, checkpoint) : {}
}

/** The checkpoint that a job's video gets once it needs one. */
function readyFromJob({ id }: MediaRecord): Checkpoint {
  return initialCheckpoint(mediaMachine, { mediaId: id, from: 'job' }, { at: 0, key: `${id}/1`, epoch: null })
}
