import { minuteInSeconds, verdictsOf } from './verdict-row.ts'

const wrongConstant = {
  verdict: 'NEEDS_OPERATOR',
  meaning: 'Reelpilot requested a sign-in method that TikTok does not support.',
  nextStep: 'The operator reports this as a bug, with the log id.',
} as const

const failedForNow = {
  verdict: 'RETRY_AFTER',
  nextStep:
    'No action needed: the request is retried automatically. If the account then has to be connected again, the creator does so.',
  afterSeconds: minuteInSeconds,
} as const

/**
 * Errors of the OAuth endpoints and of the redirect from the consent page.
 * Source: TikTok, "OAuth error handling"; RFC 6749, sections 4.1.2.1 and 5.2.
 */
export const oauthVerdicts = verdictsOf('oauth', {
  access_denied: {
    verdict: 'NEEDS_USER',
    meaning: 'The creator refused the connection, or TikTok refused it for them.',
    nextStep: 'The creator connects the account again and grants the requested permissions.',
  },
  // Arrives as `error_type` beside access_denied, although the creator refused nothing.
  non_sandbox_target: {
    verdict: 'NEEDS_OPERATOR',
    meaning: "The creator is not a target user of the app's sandbox.",
    nextStep:
      "The operator adds the creator to the sandbox's target users, which can take an hour to take effect, or sets the app's production keys.",
  },
  invalid_client: {
    verdict: 'NEEDS_OPERATOR',
    meaning: "TikTok does not accept the app's client key or client secret.",
    nextStep: 'The operator corrects them in the settings; a sandbox has its own pair.',
  },
  invalid_grant: {
    verdict: 'NEEDS_USER',
    meaning:
      'The code or refresh token was used already, has expired, was revoked, or belongs to another app.',
    nextStep: 'The creator connects the account again.',
  },
  // TikTok also returns this for a redirect address, secret or code verifier that does not match.
  invalid_request: {
    verdict: 'NEEDS_OPERATOR',
    meaning:
      'TikTok refused the sign-in as malformed, or its redirect address differs from the one used before.',
    nextStep:
      "The operator compares the redirect address with the one in TikTok's developer portal, including the last slash. If they are equal, the operator reports this as a bug.",
  },
  invalid_scope: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The app requested a permission that it does not have.',
    nextStep: "The operator adds the Content Posting product and its scopes in TikTok's developer portal.",
  },
  unauthorized_client: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The app may not sign creators in with this method.',
    nextStep: "The operator adds Login Kit for the web to the app in TikTok's developer portal.",
  },
  unsupported_grant_type: wrongConstant,
  unsupported_response_type: wrongConstant,
  server_error: { ...failedForNow, meaning: "TikTok's sign-in failed with a server error." },
  temporarily_unavailable: { ...failedForNow, meaning: "TikTok's sign-in is temporarily unavailable." },
  rate_limit_exceeded: {
    httpStatus: 429,
    verdict: 'RETRY_AFTER',
    meaning: 'More sign-in requests were made within a minute than TikTok allows.',
    nextStep: 'No action needed: the request is repeated after the minute.',
    afterSeconds: minuteInSeconds,
  },
  http_5xx: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning:
      "TikTok's sign-in failed with a server error; whether it consumed the code or refresh token is unknown.",
    nextStep: 'If the account does not recover automatically, the creator connects it again.',
    afterSeconds: minuteInSeconds,
  },
})
