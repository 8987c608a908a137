import { minuteInSeconds, verdictsOf } from './verdict-row.ts'

const wrongConstant = {
  verdict: 'NEEDS_OPERATOR',
  meaning: 'Reelpilot asked for a way of signing in that TikTok does not have.',
  nextStep: 'The operator reports this as a bug, with the log id.',
} as const

const failedForNow = {
  verdict: 'RETRY_AFTER',
  nextStep:
    'Nothing needs doing: it is asked again after a while. If it asks to connect the account again then, the creator does so.',
  afterSeconds: minuteInSeconds,
} as const

/**
 * What the sign-in endpoints and the way back from the consent page answer.
 * Source: TikTok, "OAuth error handling"; RFC 6749, sections 4.1.2.1 and 5.2.
 */
export const oauthVerdicts = verdictsOf('oauth', {
  access_denied: {
    verdict: 'NEEDS_USER',
    meaning: 'The creator, or TikTok for them, refused the connection.',
    nextStep: 'The creator connects the account again and agrees to what is asked for.',
  },
  // Comes as `error_type` beside access_denied, and means something else: nobody refused anything.
  non_sandbox_target: {
    verdict: 'NEEDS_OPERATOR',
    meaning: "The creator is not a target user of the app's sandbox.",
    nextStep:
      "The operator adds the creator to the sandbox's target users, which may take an hour to count, or sets the app's production keys.",
  },
  invalid_client: {
    verdict: 'NEEDS_OPERATOR',
    meaning: "TikTok does not accept the app's client key or client secret.",
    nextStep: 'The operator corrects them in the settings; a sandbox has a pair of its own.',
  },
  invalid_grant: {
    verdict: 'NEEDS_USER',
    meaning: 'The code or refresh token has been used, has expired, was revoked, or is for another app.',
    nextStep: 'The creator connects the account again.',
  },
  // TikTok says the same for a redirect address, a secret or a code verifier that does not fit.
  invalid_request: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'TikTok refused the sign-in as malformed, or its redirect address as another than before.',
    nextStep:
      "The operator compares the redirect address with the one in TikTok's developer portal, to the last slash. If they are the same, this is a bug to report.",
  },
  invalid_scope: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The app asked for a permission that it does not have.',
    nextStep: "The operator adds the Content Posting product and its scopes in TikTok's developer portal.",
  },
  unauthorized_client: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The app may not sign creators in like this.',
    nextStep: "The operator adds Login Kit, for the web, to the app in TikTok's developer portal.",
  },
  unsupported_grant_type: wrongConstant,
  unsupported_response_type: wrongConstant,
  server_error: { ...failedForNow, meaning: 'The sign-in of TikTok failed on its side.' },
  temporarily_unavailable: { ...failedForNow, meaning: 'The sign-in of TikTok is out of service for now.' },
  rate_limit_exceeded: {
    httpStatus: 429,
    verdict: 'RETRY_AFTER',
    meaning: 'More was asked of the sign-in within a minute than TikTok allows.',
    nextStep: 'Nothing needs doing: it is asked again after the minute.',
    afterSeconds: minuteInSeconds,
  },
  http_5xx: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'The sign-in of TikTok failed; whether it has used up the code or refresh token is not known.',
    nextStep: 'If the account does not come back by itself, the creator connects it again.',
    afterSeconds: minuteInSeconds,
  },
})
