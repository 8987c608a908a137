import { dayInSeconds, minuteInSeconds, verdictsOf } from './verdict-row.ts'

const malformed = {
  httpStatus: 400,
  verdict: 'NEEDS_OPERATOR',
  meaning: 'TikTok refused the request as malformed.',
  nextStep: 'The operator reports this as a bug, with the log id. Repeating the request changes nothing.',
} as const

const rateLimited = {
  httpStatus: 429,
  verdict: 'RETRY_AFTER',
  meaning: 'More calls were made within a minute than TikTok allows.',
  nextStep: 'Nothing needs doing: the call was turned away unread, and is made again after the minute.',
  afterSeconds: minuteInSeconds,
} as const

/** A read may be repeated at once; what creates something must not be. The safer of the two stands here. */
const serverFailed = {
  verdict: 'OUTCOME_UNKNOWN',
  meaning: 'TikTok failed on its side; whether it did what was asked is not known.',
  nextStep:
    'What became of it is looked up before anything is repeated. If it lasts, the operator asks TikTok, with the log id; then retry the job.',
  afterSeconds: 30,
} as const

/**
 * Error codes in the envelope that every call to the API but OAuth's answers.
 * Source: TikTok, "API v2 error handling" and the reference pages of the Content Posting and Display APIs.
 */
export const apiVerdicts = verdictsOf('api', {
  // The page documents the singular, the servers answer the plural.
  invalid_param: malformed,
  invalid_params: malformed,
  invalid_file_upload: {
    httpStatus: 400,
    verdict: 'FIX_MEDIA',
    meaning: 'TikTok does not take the uploaded file.',
    nextStep: 'The planner has the video made anew as an MP4 with H.264 and AAC, and plans the post again.',
  },
  app_version_check_failed: {
    httpStatus: 400,
    verdict: 'NEEDS_USER',
    meaning: "The creator's TikTok app is too old to receive photo drafts.",
    nextStep: 'The creator updates the TikTok app to version 31.8 or later; then retry the job.',
  },
  // We ask only for ids that TikTok gave us: one that it does not know is a post that it has forgotten.
  invalid_publish_id: {
    httpStatus: 400,
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'TikTok does not know this post any more.',
    nextStep: "Look at the creator's profile before anything is posted again: the post may be there.",
  },
  token_not_authorized_for_specified_publish_id: {
    httpStatus: 400,
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The post was opened for another creator, or by another app.',
    nextStep:
      "The operator checks whether the app's client key or the account's creator was exchanged since the post was opened.",
  },
  publish_not_cancellable: {
    httpStatus: 400,
    verdict: 'PERMANENT',
    meaning: 'The post is too far along to be cancelled.',
    nextStep: 'Let it come to its end. The creator can delete it in the TikTok app afterwards.',
  },
  scope_permission_missed: {
    httpStatus: 400,
    verdict: 'NEEDS_USER',
    meaning: 'The connection lacks a permission that some of the requested fields need.',
    nextStep: 'The creator connects the account again and grants every permission that is asked for.',
  },
  access_token_invalid: {
    httpStatus: 401,
    verdict: 'NEEDS_USER',
    meaning: 'TikTok does not accept the access token any more.',
    nextStep: 'If a refreshed token is refused as well, the creator connects the account again.',
  },
  scope_not_authorized: {
    httpStatus: 401,
    verdict: 'NEEDS_USER',
    meaning: 'The connection lacks the permission for this call.',
    nextStep:
      'The creator connects the account again and grants every permission that is asked for; a refreshed token would lack it too.',
  },
  spam_risk_too_many_posts: {
    httpStatus: 403,
    verdict: 'WAIT_CAP',
    meaning: 'The creator has posted as much as TikTok allows within 24 hours, all apps together.',
    nextStep: 'Nothing needs doing: posting goes on within 24 hours. Fewer slots a day avoid it.',
    afterSeconds: dayInSeconds,
  },
  spam_risk_user_banned_from_posting: {
    httpStatus: 403,
    verdict: 'NEEDS_USER',
    meaning: 'TikTok has banned this creator from posting.',
    nextStep:
      'The creator finds the reason in the TikTok app and appeals there. Retry the job once the ban is lifted.',
  },
  // It trips with no draft to be seen: what counts is what was sent within any 24 hours.
  spam_risk_too_many_pending_share: {
    httpStatus: 403,
    verdict: 'WAIT_CAP',
    meaning: 'The creator was sent as many drafts as TikTok allows within any 24 hours, which is five.',
    nextStep:
      'The creator finishes the drafts in the TikTok inbox, or the 24 hours pass; drafts count even where the inbox shows none.',
    afterSeconds: dayInSeconds,
  },
  // Seen by one creator, caused by all of them: people take it for a limit of their own.
  reached_active_user_cap: {
    httpStatus: 403,
    verdict: 'WAIT_CAP',
    meaning:
      'The app, not this creator, has posted for as many creators as TikTok allows it within 24 hours.',
    nextStep:
      "Posting goes on within 24 hours. The operator has TikTok raise the app's cap; it is five for an app that is not audited.",
    afterSeconds: dayInSeconds,
  },
  // SELF_ONLY alone does not help on a public account.
  unaudited_client_can_only_post_to_private_accounts: {
    httpStatus: 403,
    verdict: 'NEEDS_OPERATOR',
    meaning:
      "The app has not passed TikTok's audit: it posts only to private accounts, and only for the creator to see.",
    nextStep:
      'The creator makes the account itself private, and the post is planned as SELF_ONLY: it takes both, changing the post alone does not help. To post publicly the operator has TikTok audit the app.',
  },
  url_ownership_unverified: {
    httpStatus: 403,
    verdict: 'NEEDS_OPERATOR',
    meaning: 'TikTok fetches media only from addresses whose owner it has verified.',
    nextStep:
      "The operator verifies the media's domain or URL prefix in TikTok's developer portal, or has the bytes uploaded instead.",
  },
  privacy_level_option_mismatch: {
    httpStatus: 403,
    verdict: 'NEEDS_USER',
    meaning: 'The creator does not offer the chosen privacy level any more.',
    nextStep:
      'The creator chooses one of the levels that the account offers now, and the post is planned with it.',
  },
  rate_limit_exceeded: rateLimited,
  internal_error: { ...serverFailed, httpStatus: 500 },
  // Answers without a code of their own.
  http_401: {
    httpStatus: 401,
    verdict: 'NEEDS_USER',
    meaning: 'TikTok does not accept the access token any more.',
    nextStep: 'If a refreshed token is refused as well, the creator connects the account again.',
  },
  http_429: rateLimited,
  http_5xx: serverFailed,
})
