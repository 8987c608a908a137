import { isTooLate, maxLatenessMs } from '../rules/lateness.ts'
import { eventTime } from '../step.ts'
import type { JobContext, KeptMedia, OpenPost, Progress } from './context.ts'

/** The input that every step of a slot's work receives. */
export const slotInput = (context: JobContext) => ({
  purpose: context.purpose,
  slotId: context.slotId,
  accountId: context.accountId,
  attempts: context.attempts,
  publishAt: context.publishAt,
  mayBeLate: context.mayBeLate,
})

/** States that need the media or the post are entered only with them: their absence is a bug of the machine, so this throws. */
export const mediaOf = (context: JobContext): KeptMedia => context.media ?? missing('media')
export const postOf = (context: JobContext): OpenPost => context.post ?? missing('post')
export const missing = (what: string): never => {
  throw new Error(`the job has no ${what} in this state`)
}

/** Whether TikTok may have all bytes, so that a post may appear: they were sent, or the last chunk's outcome is unknown. */
export const mayAppear = (context: JobContext): boolean =>
  context.sentAt !== null || (context.outcomeUnknown && sendsLastChunk(context))

export const sendsLastChunk = ({ post, nextChunk }: JobContext): boolean =>
  post !== null && nextChunk + 1 >= post.chunkCount

/** Whether the slot's time binds the job: no preview, and not once its post may appear, while it closes, or if a person allowed lateness. */
const isBoundToSlotTime = (context: JobContext): boolean =>
  context.purpose === 'post' && !mayAppear(context) && context.ending === null && !context.mayBeLate

/** Whether a person has to decide because the slot's time passed too long ago. */
export const missedSlot = (context: JobContext, event: object): boolean =>
  isBoundToSlotTime(context) && isTooLate(context.publishAt, eventTime(event))

/** Shortens a wait so that it ends when `missedSlot` becomes true. */
export const cappedAtSlot = (context: JobContext, event: object, milliseconds: number): number =>
  isBoundToSlotTime(context)
    ? Math.min(milliseconds, Math.max(0, context.publishAt + maxLatenessMs + 1 - eventTime(event)))
    : milliseconds

/** Adds a public id of the post unless it is known. */
export const addPostId = (ids: readonly string[], id: string | null): readonly string[] =>
  id === null || ids.includes(id) ? ids : [...ids, id]

/** How finely the progress of a rendering is told: each change of it is a revision of the job. */
const progressSteps = 20

/** The progress while a clip renders, of which `share` is done: rounded down to a twentieth of the whole video. */
export const renderProgress = ({ clips, scenes }: JobContext, share: number): Progress => {
  const completed = (Math.floor(((clips.length + share) / scenes) * progressSteps) * scenes) / progressSteps
  return { completed: Math.max(clips.length, completed), total: scenes, unit: 'scenes' }
}
