import { dayInSeconds, minuteInSeconds, verdictsOf } from './verdict-row.ts'

const media = { verdict: 'FIX_MEDIA', canPostAgain: false } as const

const pullFailed = {
  verdict: 'RETRY_AFTER',
  meaning: 'TikTok could not fetch the media from its address within the hour.',
  nextStep:
    'It is posted again by itself. If that fails too, the operator checks that the address answers from outside, without a redirect.',
  afterSeconds: 5 * minuteInSeconds,
  canPostAgain: true,
} as const

/**
 * Why a post has failed: `fail_reason` of the status call, `reason` of the webhook.
 *
 * A post that failed for another reason than TikTok's own trouble is never opened anew by itself: a repeated spam verdict
 * harms the account. Source: TikTok, "Get post status", fail reasons.
 */
export const postVerdicts = verdictsOf('post', {
  file_format_check_failed: {
    ...media,
    meaning: 'TikTok does not take the file: its format or codec is not among those it knows.',
    nextStep: 'The planner has the video made anew as an MP4 with H.264 and AAC, and plans the post again.',
  },
  duration_check_failed: {
    ...media,
    meaning: 'The video is shorter or longer than TikTok takes of this creator.',
    nextStep: 'The planner changes the length of the video and plans the post again.',
  },
  frame_rate_check_failed: {
    ...media,
    meaning: 'The video shows fewer than 23 or more than 60 frames a second, or not evenly many.',
    nextStep: 'The planner has the video made anew at an even 30 frames a second, and plans the post again.',
  },
  picture_size_check_failed: {
    ...media,
    meaning: 'A picture is too small or too large; of several photos TikTok does not say which.',
    nextStep:
      'The planner brings videos to 360 to 4096 pixels a side and photos to at most 1080 on the shorter side, and plans the post again.',
  },
  internal: {
    verdict: 'RETRY_AFTER',
    meaning: 'TikTok failed on its side, and nothing was posted.',
    nextStep: 'Nothing needs doing: it is posted again by itself, which TikTok allows here.',
    afterSeconds: minuteInSeconds,
    canPostAgain: true,
  },
  video_pull_failed: pullFailed,
  photo_pull_failed: pullFailed,
  publish_cancelled: {
    verdict: 'PERMANENT',
    meaning: 'The post was cancelled before it was out.',
    nextStep: 'Plan a new post if it is still wanted.',
    canPostAgain: false,
  },
  auth_removed: {
    verdict: 'NEEDS_USER',
    meaning: 'The creator disconnected the app while the post was under way.',
    nextStep: 'The creator connects the account again, and the post is planned anew if it is still wanted.',
    canPostAgain: false,
  },
  spam_risk_too_many_posts: {
    verdict: 'WAIT_CAP',
    meaning: 'The creator has posted as much as TikTok allows within 24 hours, all apps together.',
    nextStep: 'Plan the post anew, 24 hours later. Fewer slots a day avoid it.',
    afterSeconds: dayInSeconds,
    canPostAgain: false,
  },
  spam_risk_user_banned_from_posting: {
    verdict: 'NEEDS_USER',
    meaning: 'TikTok has banned this creator from posting.',
    nextStep:
      'The creator finds the reason in the TikTok app and appeals there. Plan the post anew once the ban is lifted.',
    canPostAgain: false,
  },
  spam_risk_text: {
    verdict: 'FIX_MEDIA',
    meaning: 'TikTok takes the caption for spam.',
    nextStep: 'The planner rewrites the caption, its tags and links above all, and plans the post again.',
    canPostAgain: false,
  },
  // TikTok does not say what it was, so nobody here can know what to change.
  spam_risk: {
    verdict: 'NEEDS_USER',
    meaning: 'TikTok takes the post for spam and does not say why.',
    nextStep:
      "The creator looks for a notice under the account's status in the TikTok app. Do not post the same again before the reason is known.",
    canPostAgain: false,
  },
})
