import { dayInSeconds, minuteInSeconds, verdictsOf } from './verdict-row.ts'

const malformed = {
  httpStatus: 400,
  verdict: 'NEEDS_OPERATOR',
  meaning: 'TikTok refused the request as malformed.',
  nextStep: 'The operator reports this as a bug, with the log id. Repeating the request does not help.',
} as const

const rateLimited = {
  httpStatus: 429,
  verdict: 'RETRY_AFTER',
  meaning: 'More calls were made within a minute than TikTok allows.',
  nextStep: 'No action needed: TikTok did not process the call, and it is repeated after the minute.',
  afterSeconds: minuteInSeconds,
} as const

/** A read may be repeated at once, a call that creates something must not be. This is the safer verdict of the two. */
const serverFailed = {
  verdict: 'OUTCOME_UNKNOWN',
  meaning: 'TikTok failed with a server error; the outcome of the call is unknown.',
  nextStep:
    'The outcome is looked up before anything is repeated. If this persists, the operator contacts TikTok with the log id; then retry the job.',
  afterSeconds: 30,
} as const

/**
 * Error codes in the response envelope of all endpoints except OAuth.
 * Source: TikTok, "API v2 error handling" and the reference pages of the Content Posting and Display APIs.
 */
export const apiVerdicts = verdictsOf('api', {
  // The documentation has the singular, the servers send the plural.
  invalid_param: malformed,
  invalid_params: malformed,
  invalid_file_upload: {
    httpStatus: 400,
    verdict: 'FIX_MEDIA',
    meaning: 'TikTok does not accept the uploaded file.',
    nextStep:
      'The planner has the video rendered again as an MP4 with H.264 and AAC and plans the post again.',
  },
  app_version_check_failed: {
    httpStatus: 400,
    verdict: 'NEEDS_USER',
    meaning: "The creator's TikTok app is too old to receive photo drafts.",
    nextStep: 'The creator updates the TikTok app to version 31.8 or later; then retry the job.',
  },
  // We send only ids that TikTok issued, so an unknown one belongs to a post that TikTok no longer has.
  invalid_publish_id: {
    httpStatus: 400,
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'TikTok no longer knows this post.',
    nextStep: "Check the creator's profile before anything is posted again: the post may be there.",
  },
  token_not_authorized_for_specified_publish_id: {
    httpStatus: 400,
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The post was opened for another creator or by another app.',
    nextStep:
      "The operator checks whether the app's client key or the account's creator has changed since the post was opened.",
  },
  publish_not_cancellable: {
    httpStatus: 400,
    verdict: 'PERMANENT',
    meaning: 'The post can no longer be cancelled.',
    nextStep: 'Wait until the post is finished. The creator can then delete it in the TikTok app.',
  },
  scope_permission_missed: {
    httpStatus: 400,
    verdict: 'NEEDS_USER',
    meaning: 'The connection lacks a permission that some of the requested fields require.',
    nextStep: 'The creator connects the account again and grants every requested permission.',
  },
  access_token_invalid: {
    httpStatus: 401,
    verdict: 'NEEDS_USER',
    meaning: 'TikTok no longer accepts the access token.',
    nextStep: 'If a refreshed token is refused as well, the creator connects the account again.',
  },
  scope_not_authorized: {
    httpStatus: 401,
    verdict: 'NEEDS_USER',
    meaning: 'The connection lacks the permission for this call.',
    nextStep:
      'The creator connects the account again and grants every requested permission; refreshing the token does not help.',
  },
  spam_risk_too_many_posts: {
    httpStatus: 403,
    verdict: 'WAIT_CAP',
    meaning: "The creator has reached TikTok's limit of posts within 24 hours, across all apps.",
    nextStep:
      'No action needed: posting continues automatically within 24 hours. Fewer slots per day avoid this.',
    afterSeconds: dayInSeconds,
  },
  spam_risk_user_banned_from_posting: {
    httpStatus: 403,
    verdict: 'NEEDS_USER',
    meaning: 'TikTok has banned this creator from posting.',
    nextStep:
      'The creator finds the reason in the TikTok app and appeals there. Retry the job once the ban is lifted.',
  },
  // Counts the drafts sent within any 24 hours, including those that the inbox no longer shows.
  spam_risk_too_many_pending_share: {
    httpStatus: 403,
    verdict: 'WAIT_CAP',
    meaning: 'The creator received five drafts within 24 hours, the maximum that TikTok allows.',
    nextStep:
      'The creator finishes the drafts in the TikTok inbox or waits until the 24 hours have passed; drafts count even if the inbox shows none.',
    afterSeconds: dayInSeconds,
  },
  // One creator gets the error and all of them cause it, so it is easily mistaken for a limit of the creator.
  reached_active_user_cap: {
    httpStatus: 403,
    verdict: 'WAIT_CAP',
    meaning:
      'The app, not this creator, has reached the number of creators for whom TikTok allows it to post within 24 hours.',
    nextStep:
      "Posting continues automatically within 24 hours. The operator asks TikTok to raise the app's cap, which is five creators for an app that is not audited.",
    afterSeconds: dayInSeconds,
  },
  // SELF_ONLY alone does not help on a public account.
  unaudited_client_can_only_post_to_private_accounts: {
    httpStatus: 403,
    verdict: 'NEEDS_OPERATOR',
    meaning:
      "The app has not passed TikTok's audit: it can post only to private accounts, and only the creator can see its posts.",
    nextStep:
      'The creator makes the account itself private and the planner plans the post as SELF_ONLY; changing the post alone does not help. To post publicly, the operator requests an audit of the app at TikTok.',
  },
  url_ownership_unverified: {
    httpStatus: 403,
    verdict: 'NEEDS_OPERATOR',
    meaning: 'TikTok fetches media only from addresses whose ownership it has verified.',
    nextStep:
      "The operator verifies the domain or URL prefix of the media in TikTok's developer portal, or has the bytes uploaded instead.",
  },
  privacy_level_option_mismatch: {
    httpStatus: 403,
    verdict: 'NEEDS_USER',
    meaning: 'The creator no longer offers the chosen privacy level.',
    nextStep:
      'The creator chooses a level that the account offers now, and the planner plans the post with it.',
  },
  rate_limit_exceeded: rateLimited,
  internal_error: { ...serverFailed, httpStatus: 500 },
  // Responses without an error code.
  http_401: {
    httpStatus: 401,
    verdict: 'NEEDS_USER',
    meaning: 'TikTok no longer accepts the access token.',
    nextStep: 'If a refreshed token is refused as well, the creator connects the account again.',
  },
  http_429: rateLimited,
  http_5xx: serverFailed,
})
