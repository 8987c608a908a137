import { verdictsOf } from './verdict-row.ts'

const triedAgain = 'No action needed: the step is retried automatically.'
const planAgain = 'and plans the post again.'

const upload = (meaning: string) => ({
  verdict: 'FIX_MEDIA' as const,
  meaning,
  nextStep: 'Convert it if the media offers that, or export the video again and upload it.',
})

/** Codes of our own steps for rendering, storing and checking a video. */
export const videoVerdicts = verdictsOf('reelpilot', {
  STORYBOARD_INVALID: {
    verdict: 'FIX_MEDIA',
    meaning: 'The storyboard cannot be rendered.',
    nextStep: `The planner corrects the storyboard as the message says ${planAgain}`,
  },

  // Rendering one scene at the video provider.
  CLIP_REFUSED: {
    verdict: 'FIX_MEDIA',
    meaning: 'The video provider does not support this scene.',
    nextStep: `The planner changes the scene as the message says ${planAgain}`,
  },
  CLIP_REJECTED: {
    verdict: 'FIX_MEDIA',
    meaning: 'The video provider refused to render this scene.',
    nextStep: `The planner changes the scene ${planAgain}`,
  },
  CLIP_CONTENT: {
    verdict: 'FIX_MEDIA',
    meaning: "The scene violates the video provider's rules.",
    nextStep: `The planner rewrites the scene ${planAgain}`,
  },
  CLIP_INPUT: {
    verdict: 'FIX_MEDIA',
    meaning: 'The video provider cannot process this scene.',
    nextStep: `The planner simplifies the scene ${planAgain}`,
  },
  CLIP_CANCELED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The scene was cancelled at the video provider.',
    nextStep:
      'The operator finds out who cancelled it there; then retry the job, which orders the scene again.',
  },
  CLIP_CAPACITY: {
    verdict: 'RETRY_AFTER',
    meaning: 'The video provider had no capacity for this scene.',
    nextStep: triedAgain,
  },
  CLIP_PROVIDER: {
    verdict: 'RETRY_AFTER',
    meaning: 'The video provider failed on this scene.',
    nextStep: triedAgain,
  },
  CLIP_EXPIRED: {
    verdict: 'RETRY_AFTER',
    meaning: 'The video provider deleted the finished scene before it was fetched.',
    nextStep: 'No action needed: the scene is rendered again automatically.',
  },
  CLIP_GONE: {
    verdict: 'RETRY_AFTER',
    meaning: 'The video provider no longer has the finished scene.',
    nextStep: triedAgain,
  },
  CLIP_INCOMPLETE: {
    verdict: 'RETRY_AFTER',
    meaning: 'The scene was not fetched completely.',
    nextStep: 'No action needed: the scene is fetched again automatically.',
  },
  PROVIDER_UNREACHABLE: {
    verdict: 'RETRY_AFTER',
    meaning: 'The video provider is unreachable; nothing was ordered.',
    nextStep: triedAgain,
  },
  POLL_FAILED: {
    verdict: 'RETRY_AFTER',
    meaning: 'The progress of the scene could not be read from the video provider.',
    nextStep: 'No action needed: the video provider is polled again.',
  },
  SUBMIT_UNANSWERED: {
    verdict: 'RETRY_AFTER',
    meaning: "The video provider's answer was lost; it recognises a repeated order.",
    nextStep: 'No action needed: the order is repeated and not charged twice.',
  },
  SUBMIT_UNKNOWN: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: "The video provider's answer was lost; it may have accepted the order.",
    nextStep:
      'The operator checks the account at the video provider. Retrying the job orders the scene again, which may be charged twice.',
  },

  // Codes of the local renderer.
  renderer_crashed: {
    verdict: 'RETRY_AFTER',
    meaning: 'The renderer ended before the scene was finished.',
    nextStep:
      'No action needed: the scene is rendered again automatically. If this persists, the operator finds the cause in the log.',
  },
  unknown_reference: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The renderer does not know this scene: another version ordered it.',
    nextStep:
      'The operator makes sure that all workers run the same version; then retry the job, which renders the scene again.',
  },

  // Disk, tools and memory of a worker.
  ASSEMBLY_FAILED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The scenes could not be joined into a video.',
    nextStep:
      'The step is retried automatically. If that does not help, the operator finds the cause in the log.',
  },
  DISK_FULL: {
    verdict: 'NEEDS_OPERATOR',
    meaning: "The disk of a worker's data directory is full.",
    nextStep:
      'The operator frees space on the disk; waiting jobs then continue within a minute. Retry the jobs that have stopped.',
    afterSeconds: 60,
  },
  MEDIA_NOT_HERE: {
    verdict: 'NEEDS_OPERATOR',
    meaning:
      'The worker cannot find a file of this job: it uses another data directory or bucket, or the file is gone.',
    nextStep:
      'The operator gives all workers the same storage directory, or the same bucket (S3_URL); then retry the job. If the file is gone for good, cancel the job and plan the post again.',
  },
  MEDIA_NOT_READY: {
    verdict: 'NEEDS_USER',
    meaning: 'The media of the slot was deleted, or is not ready.',
    nextStep:
      'The planner restores the media or waits until it is ready, and retries the job; or cancels the job and gives the slot another media.',
  },
  MEDIA_REPLACED: {
    verdict: 'NEEDS_USER',
    meaning: 'The media of the slot has other content than when the job began: it was converted.',
    nextStep: 'The planner cancels the job, approves the plan again, and starts another job for the slot.',
  },
  DISK_UNUSABLE: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'A worker cannot read or write files in its data directory.',
    nextStep:
      'The operator checks that the disk is mounted, is writable and belongs to the user that runs the worker. Retry the jobs that have stopped.',
    afterSeconds: 60,
  },
  FFMPEG_MISSING: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'A worker has no working ffmpeg.',
    nextStep:
      'The operator reinstalls ffmpeg, or sets FFMPEG_PATH to one that runs, and restarts the worker. Retry the jobs that have stopped.',
    afterSeconds: 60,
  },
  HOST_EXHAUSTED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The machine of a worker ran out of memory, processes or open files.',
    nextStep:
      'The operator adds resources, or lowers RENDER_CONCURRENCY and WORKER_CONCURRENCY. Retry the jobs that have stopped.',
    afterSeconds: 60,
  },

  // Checks of the finished file against TikTok's rules, before the upload. Source: "Media transfer guide".
  VIDEO_TOO_LARGE: {
    verdict: 'FIX_MEDIA',
    meaning: 'The video has more bytes than TikTok accepts.',
    nextStep: `The planner shortens the video ${planAgain}`,
  },
  UPLOAD_UNREADABLE: {
    verdict: 'FIX_MEDIA',
    meaning: 'The uploaded file cannot be read completely as a video.',
    nextStep: 'Export the video as MP4 with H.264 and upload it again.',
  },
  UPLOAD_CONTAINER: upload('The uploaded file has a container that TikTok does not accept.'),
  UPLOAD_VIDEOCODEC: upload('The uploaded video has a codec that TikTok does not accept.'),
  UPLOAD_WIDTH: upload('The uploaded video is narrower or wider than TikTok accepts.'),
  UPLOAD_HEIGHT: upload('The uploaded video is lower or higher than TikTok accepts.'),
  UPLOAD_FRAMERATE: upload('The uploaded video has a frame rate that TikTok does not accept.'),
  UPLOAD_DURATION: {
    verdict: 'FIX_MEDIA',
    meaning: 'The uploaded video is longer than TikTok accepts.',
    nextStep: 'Cut the video to at most ten minutes and upload it again.',
  },
  UPLOAD_BYTES: {
    verdict: 'FIX_MEDIA',
    meaning: 'The uploaded file is larger than TikTok accepts.',
    nextStep: 'Export the video with a lower bit rate and upload it again.',
  },
  CONVERSION_FAILED: {
    verdict: 'FIX_MEDIA',
    meaning: 'The file could not be converted: it is damaged, or exceeds the limits of a conversion.',
    nextStep: 'Export the video as MP4 with H.264 and upload it again.',
  },
  CONVERSION_IS_HERE: {
    verdict: 'FIX_MEDIA',
    meaning: 'The converted video is in the library already.',
    nextStep: 'Use that media, and delete this one.',
  },
  PREVIEW_FAILED: {
    verdict: 'FIX_MEDIA',
    meaning: 'No poster and no thumbnails could be made of the video. It can be posted all the same.',
    nextStep: 'Nothing has to be done. Recheck the media to try again.',
  },
  NO_MODERN_FFMPEG: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'This installation has no ffmpeg of version 5 or later, which uploaded files require.',
    nextStep:
      'The operator installs ffmpeg, or sets FFMPEG_PATH to one, and restarts the workers. Then recheck the media.',
  },
  MEDIA_UNREADABLE: {
    verdict: 'FIX_MEDIA',
    meaning: 'The stored file cannot be read completely as a video.',
    nextStep: `The planner has the video rendered again ${planAgain}`,
  },
  MEDIA_CONTAINER: {
    verdict: 'FIX_MEDIA',
    meaning: 'TikTok does not accept the file format. It accepts MP4, MOV and WebM.',
    nextStep: `The planner has the video rendered again as an MP4 ${planAgain}`,
  },
  MEDIA_VIDEOCODEC: {
    verdict: 'FIX_MEDIA',
    meaning: 'TikTok does not accept the video codec. It accepts H.264, H.265, VP8 and VP9.',
    nextStep: `The planner has the video rendered again with H.264 ${planAgain}`,
  },
  MEDIA_WIDTH: {
    verdict: 'FIX_MEDIA',
    meaning: 'The picture is narrower or wider than TikTok accepts.',
    nextStep: `The planner changes the width to 360 to 4096 pixels ${planAgain}`,
  },
  MEDIA_HEIGHT: {
    verdict: 'FIX_MEDIA',
    meaning: 'The picture is lower or higher than TikTok accepts.',
    nextStep: `The planner changes the height to 360 to 4096 pixels ${planAgain}`,
  },
  MEDIA_FRAMERATE: {
    verdict: 'FIX_MEDIA',
    meaning: 'The video has fewer than 23 or more than 60 frames per second.',
    nextStep: `The planner has the video rendered again at a constant 30 frames per second ${planAgain}`,
  },
  MEDIA_DURATION: {
    verdict: 'FIX_MEDIA',
    meaning: 'The video is longer than this creator may post.',
    nextStep: `The planner shortens the video ${planAgain}`,
  },
  MEDIA_BYTES: {
    verdict: 'FIX_MEDIA',
    meaning: 'The file is empty or larger than TikTok accepts.',
    nextStep: `The planner shortens the video ${planAgain}`,
  },
})
