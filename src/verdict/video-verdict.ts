import { verdictsOf } from './verdict-row.ts'

const triedAgain = 'Nothing needs doing: it is tried again by itself.'
const planAgain = 'and plans the post again.'

/** What our own steps say of making, keeping and checking a video. */
export const videoVerdicts = verdictsOf('reelpilot', {
  STORYBOARD_INVALID: {
    verdict: 'FIX_MEDIA',
    meaning: 'The storyboard cannot be rendered.',
    nextStep: `The planner corrects the storyboard where the message says, ${planAgain}`,
  },

  // One scene at the video provider.
  CLIP_REFUSED: {
    verdict: 'FIX_MEDIA',
    meaning: 'The video provider has no way to make this scene.',
    nextStep: `The planner changes the scene as the message says, ${planAgain}`,
  },
  CLIP_REJECTED: {
    verdict: 'FIX_MEDIA',
    meaning: 'The video provider has refused to make this scene.',
    nextStep: `The planner changes the scene ${planAgain}`,
  },
  CLIP_CONTENT: {
    verdict: 'FIX_MEDIA',
    meaning: "The scene is against the video provider's rules.",
    nextStep: `The planner writes the scene in another way ${planAgain}`,
  },
  CLIP_INPUT: {
    verdict: 'FIX_MEDIA',
    meaning: 'The video provider cannot make anything of this scene.',
    nextStep: `The planner makes the scene simpler ${planAgain}`,
  },
  CLIP_CANCELED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The scene was cancelled at the video provider.',
    nextStep:
      'The operator finds out who cancelled it there; then retry the job, which orders the scene again.',
  },
  CLIP_CAPACITY: {
    verdict: 'RETRY_AFTER',
    meaning: 'The video provider had no room for this scene.',
    nextStep: triedAgain,
  },
  CLIP_PROVIDER: {
    verdict: 'RETRY_AFTER',
    meaning: 'The video provider failed on this scene.',
    nextStep: triedAgain,
  },
  CLIP_EXPIRED: {
    verdict: 'RETRY_AFTER',
    meaning: 'The video provider has dropped the finished scene before it was fetched.',
    nextStep: 'Nothing needs doing: the scene is made again by itself.',
  },
  CLIP_GONE: {
    verdict: 'RETRY_AFTER',
    meaning: 'The finished scene is not at the video provider any more.',
    nextStep: triedAgain,
  },
  CLIP_INCOMPLETE: {
    verdict: 'RETRY_AFTER',
    meaning: 'The scene did not arrive whole.',
    nextStep: 'Nothing needs doing: it is fetched again by itself.',
  },
  PROVIDER_UNREACHABLE: {
    verdict: 'RETRY_AFTER',
    meaning: 'The video provider is out of reach; nothing was ordered.',
    nextStep: triedAgain,
  },
  POLL_FAILED: {
    verdict: 'RETRY_AFTER',
    meaning: 'The video provider could not be asked how the scene is coming along.',
    nextStep: 'Nothing needs doing: it is asked again.',
  },
  SUBMIT_UNANSWERED: {
    verdict: 'RETRY_AFTER',
    meaning: "The video provider's answer was lost; it recognises a repeated order.",
    nextStep: 'Nothing needs doing: the order is repeated, and not charged twice.',
  },
  SUBMIT_UNKNOWN: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: "The video provider's answer was lost; it may have taken the order.",
    nextStep:
      'The operator looks at the account with the video provider. Retrying the job orders the scene again, which may be charged twice.',
  },

  // What the renderer of our own calls its failures.
  renderer_crashed: {
    verdict: 'RETRY_AFTER',
    meaning: 'The renderer ended before the scene was finished.',
    nextStep:
      'Nothing needs doing: the scene is made again. If it lasts, the operator finds the cause in the log.',
  },
  unknown_reference: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The renderer does not know this scene: it was ordered by another version.',
    nextStep:
      'The operator makes sure that all workers run the same version; then retry the job, which makes the scene again.',
  },

  // Our own disk and tools.
  ASSEMBLY_FAILED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The scenes could not be joined into a video.',
    nextStep: 'It is tried again by itself. If that does not help, the operator finds the cause in the log.',
  },
  DISK_FULL: {
    verdict: 'NEEDS_OPERATOR',
    meaning: "The disk of a worker's data directory is full.",
    nextStep:
      'The operator makes room on it; what waits goes on within a minute. Retry the jobs that have stopped.',
    afterSeconds: 60,
  },
  MEDIA_NOT_HERE: {
    verdict: 'NEEDS_OPERATOR',
    meaning:
      'The worker does not see a file of this job: its data directory is another one, or the file is gone.',
    nextStep:
      'The operator gives all workers the same storage directory; then retry the job. If the file is gone for good, cancel the job and plan the post again.',
  },
  DISK_UNUSABLE: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'A worker cannot read or write files in its data directory.',
    nextStep:
      'The operator looks whether the disk is there, is writable and belongs to the user that runs the worker. Retry the jobs that have stopped.',
    afterSeconds: 60,
  },
  FFMPEG_MISSING: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'A worker has no ffmpeg that it can run.',
    nextStep:
      'The operator installs it anew, or sets FFMPEG_PATH to one that runs, and starts the worker again. Retry the jobs that have stopped.',
    afterSeconds: 60,
  },
  HOST_EXHAUSTED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The machine of a worker ran out of memory, processes or open files.',
    nextStep:
      'The operator gives it more of them, or lowers RENDER_CONCURRENCY and WORKER_CONCURRENCY. Retry the jobs that have stopped.',
    afterSeconds: 60,
  },

  // The finished file against TikTok's rules, before a byte is sent. Source: "Media transfer guide".
  VIDEO_TOO_LARGE: {
    verdict: 'FIX_MEDIA',
    meaning: 'The video has more bytes than TikTok takes.',
    nextStep: `The planner shortens the video ${planAgain}`,
  },
  MEDIA_UNREADABLE: {
    verdict: 'FIX_MEDIA',
    meaning: 'The stored file cannot be read as a video to its end.',
    nextStep: `The planner has the video made anew ${planAgain}`,
  },
  MEDIA_CONTAINER: {
    verdict: 'FIX_MEDIA',
    meaning: 'The file is not of a kind that TikTok takes: MP4, MOV or WebM.',
    nextStep: `The planner has the video made anew as an MP4 ${planAgain}`,
  },
  MEDIA_VIDEOCODEC: {
    verdict: 'FIX_MEDIA',
    meaning: 'The picture is not coded in a way that TikTok takes: H.264, H.265, VP8 or VP9.',
    nextStep: `The planner has the video made anew with H.264 ${planAgain}`,
  },
  MEDIA_WIDTH: {
    verdict: 'FIX_MEDIA',
    meaning: 'The picture is narrower or wider than TikTok takes.',
    nextStep: `The planner brings the width to 360 to 4096 pixels ${planAgain}`,
  },
  MEDIA_HEIGHT: {
    verdict: 'FIX_MEDIA',
    meaning: 'The picture is lower or higher than TikTok takes.',
    nextStep: `The planner brings the height to 360 to 4096 pixels ${planAgain}`,
  },
  MEDIA_FRAMERATE: {
    verdict: 'FIX_MEDIA',
    meaning: 'The video shows fewer than 23 or more than 60 frames a second.',
    nextStep: `The planner has the video made anew at an even 30 frames a second ${planAgain}`,
  },
  MEDIA_DURATION: {
    verdict: 'FIX_MEDIA',
    meaning: 'The video is longer than this creator may post.',
    nextStep: `The planner shortens the video ${planAgain}`,
  },
  MEDIA_BYTES: {
    verdict: 'FIX_MEDIA',
    meaning: 'The file is empty, or larger than TikTok takes.',
    nextStep: `The planner shortens the video ${planAgain}`,
  },
})
