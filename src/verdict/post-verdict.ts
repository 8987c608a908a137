import { dayInSeconds, minuteInSeconds, verdictsOf } from './verdict-row.ts'

const media = { verdict: 'FIX_MEDIA', canPostAgain: false } as const

const pullFailed = {
  verdict: 'RETRY_AFTER',
  meaning: 'TikTok could not fetch the media from its address within an hour.',
  nextStep:
    'The post is opened again automatically. If that fails too, the operator checks that the address is reachable from outside, without a redirect.',
  afterSeconds: 5 * minuteInSeconds,
  canPostAgain: true,
} as const

/**
 * Fail reasons of posts: `fail_reason` of the status call, `reason` of the webhook.
 *
 * A post is opened again automatically only where TikTok allows it: repeated spam verdicts harm the account.
 * Source: TikTok, "Get post status", fail reasons.
 */
export const postVerdicts = verdictsOf('post', {
  file_format_check_failed: {
    ...media,
    meaning: 'TikTok does not accept the file: its format or codec is not supported.',
    nextStep:
      'The planner has the video rendered again as an MP4 with H.264 and AAC and plans the post again.',
  },
  duration_check_failed: {
    ...media,
    meaning: 'The video is shorter or longer than TikTok allows for this creator.',
    nextStep: 'The planner changes the length of the video and plans the post again.',
  },
  frame_rate_check_failed: {
    ...media,
    meaning: 'The video has fewer than 23 or more than 60 frames per second, or an uneven frame rate.',
    nextStep:
      'The planner has the video rendered again at a constant 30 frames per second and plans the post again.',
  },
  picture_size_check_failed: {
    ...media,
    meaning: 'A picture is too small or too large; for several photos, TikTok does not say which.',
    nextStep:
      'The planner scales videos to 360 to 4096 pixels per side and photos to at most 1080 pixels on the shorter side, and plans the post again.',
  },
  internal: {
    verdict: 'RETRY_AFTER',
    meaning: 'TikTok failed on its side, and nothing was posted.',
    nextStep: 'No action needed: the post is opened again automatically, which TikTok allows here.',
    afterSeconds: minuteInSeconds,
    canPostAgain: true,
  },
  video_pull_failed: pullFailed,
  photo_pull_failed: pullFailed,
  publish_cancelled: {
    verdict: 'PERMANENT',
    meaning: 'The post was cancelled before it was published.',
    nextStep: 'Plan a new post if it is still wanted.',
    canPostAgain: false,
  },
  auth_removed: {
    verdict: 'NEEDS_USER',
    meaning: 'The creator disconnected the app while the post was in progress.',
    nextStep: 'The creator connects the account again. Plan the post again if it is still wanted.',
    canPostAgain: false,
  },
  spam_risk_too_many_posts: {
    verdict: 'WAIT_CAP',
    meaning: "The creator has reached TikTok's limit of posts within 24 hours, across all apps.",
    nextStep: 'Plan the post again, 24 hours later. Fewer slots per day avoid this.',
    afterSeconds: dayInSeconds,
    canPostAgain: false,
  },
  spam_risk_user_banned_from_posting: {
    verdict: 'NEEDS_USER',
    meaning: 'TikTok has banned this creator from posting.',
    nextStep:
      'The creator finds the reason in the TikTok app and appeals there. Plan the post again once the ban is lifted.',
    canPostAgain: false,
  },
  spam_risk_text: {
    verdict: 'FIX_MEDIA',
    meaning: 'TikTok classified the caption as spam.',
    nextStep: 'The planner rewrites the caption, especially its tags and links, and plans the post again.',
    canPostAgain: false,
  },
  // Without a reason from TikTok it is unknown what to change.
  spam_risk: {
    verdict: 'NEEDS_USER',
    meaning: 'TikTok classified the post as spam and gave no reason.',
    nextStep:
      'The creator checks the account status in the TikTok app for a notice. Do not post the same content again before the reason is known.',
    canPostAgain: false,
  },
})
