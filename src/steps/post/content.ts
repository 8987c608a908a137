import type { KeptMedia, VideoType } from '../../../machines/job/context.ts'
import type { StepOutcome } from '../../durable/step.ts'
import type { SlotMedia, SlotToPost } from '../../store/job/clearance.ts'
import { failureOfCode } from '../../verdict/coded-failure.ts'
import { needsPerson } from '../outcome.ts'

type PostedContent = Pick<SlotToPost, 'mediaId' | 'media'>

/** A slot's media as a job posts it. Its container is one that TikTok takes: the media is ready. */
export const keptMediaOf = (media: SlotMedia): KeptMedia => ({
  ...media,
  contentType: media.contentType as VideoType,
})

/** The outcome of a job whose slot has a media that posts may not use now; null if the job may go on. */
export function checkUsable({ mediaId, media }: PostedContent): StepOutcome | null {
  return mediaId === null || media !== null
    ? null
    : needsPerson(failureOfCode('reelpilot', 'MEDIA_NOT_READY'))
}

/** The same before `posted`, the job's video, is posted: it must be what the slot's media is now, which is what was approved. */
export function checkUnchanged(slot: PostedContent, posted: KeptMedia): StepOutcome | null {
  const { media } = slot
  return media === null || media.sha256 === posted.sha256
    ? checkUsable(slot)
    : needsPerson(failureOfCode('reelpilot', 'MEDIA_REPLACED'))
}
