import { stopMeanings } from '../../machines/rules/clearance.ts'
import { verdictsOf } from './verdict-row.ts'

const connectAgain = 'The creator connects the account again; waiting jobs then continue automatically.'
const lookedUp =
  'The state at TikTok is looked up before anything is sent again. If this persists, the operator checks the network connection to TikTok; then retry the job.'
const changeSetting =
  'The creator changes the setting in the TikTok app, or the planner plans the post without this option.'

/** Codes of our own steps, machines and guards for accounts and posts. `videoVerdicts` and `storageVerdicts` have those for videos. */
export const ownVerdicts = verdictsOf('reelpilot', {
  // Accounts.
  ACCOUNT_BUSY: {
    verdict: 'NEEDS_USER',
    meaning: 'The account was being disconnected when it was to be connected.',
    nextStep: 'The creator connects the account again in a minute.',
    afterSeconds: 60,
  },
  ACCOUNT_NOT_CONNECTED: {
    verdict: 'NEEDS_USER',
    meaning: stopMeanings.ACCOUNT_NOT_CONNECTED,
    nextStep: connectAgain,
  },
  ALREADY_CONNECTED: {
    verdict: 'PERMANENT',
    meaning: 'This creator already has an account here, which was connected again.',
    nextStep: 'No action needed: use the existing account.',
  },
  AUTHORIZATION_REMOVED: {
    verdict: 'NEEDS_USER',
    meaning: "The creator or TikTok revoked the app's access.",
    nextStep: connectAgain,
  },
  CONNECTION_EXPIRED: {
    verdict: 'NEEDS_USER',
    meaning: 'The sign-in at TikTok was not completed in time.',
    nextStep:
      'The creator connects the account again and completes the sign-in at TikTok without a long pause.',
  },
  REFRESH_ANSWER_LOST: {
    verdict: 'NEEDS_USER',
    meaning:
      'The answer to a token refresh was lost: TikTok may have replaced the token, and the old one is no longer valid.',
    nextStep: connectAgain,
  },
  SCOPE_MISSING: {
    verdict: 'NEEDS_USER',
    meaning: 'The creator has not granted a permission that posting requires.',
    nextStep: 'The creator connects the account again and grants every requested permission.',
  },
  TOKEN_REFRESHING: {
    verdict: 'RETRY_AFTER',
    meaning: 'Another worker is refreshing the token of the account.',
    nextStep: 'No action needed: the job continues automatically in a moment.',
    afterSeconds: 2,
  },

  // Limits that every call must pass.
  rateLimit: {
    verdict: 'RETRY_AFTER',
    meaning: 'The call was deferred to stay within the rate limits.',
    nextStep: 'No action needed: the call is made once the limits allow it.',
  },
  circuitOpen: {
    verdict: 'RETRY_AFTER',
    meaning:
      'Calls to this service are paused: it failed several times in a row, or the circuit breaker was opened manually.',
    nextStep:
      'No action needed: the job continues once a probe succeeds, or once the person who opened the breaker releases it. No attempt is consumed.',
  },
  retryBudget: {
    verdict: 'RETRY_AFTER',
    meaning: 'So many calls to this service fail that only first attempts are made for now.',
    nextStep: 'No action needed: the job continues once calls succeed again. No attempt is consumed.',
  },
  QUOTA_EXCEEDED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The organization has no quota left for this video.',
    nextStep: 'The operator grants more quota; the job then continues automatically.',
  },

  // The creator's settings, read just before the post.
  POST_CAPTION: {
    verdict: 'FIX_MEDIA',
    meaning: 'The caption is longer than TikTok allows.',
    nextStep: 'The planner shortens the caption and plans the post again.',
  },
  POST_DURATION: {
    verdict: 'FIX_MEDIA',
    meaning: 'The video is longer than this creator may post.',
    nextStep: 'The planner shortens the video and plans the post again.',
  },
  POST_PRIVACYLEVEL: {
    verdict: 'NEEDS_USER',
    meaning: 'The creator does not offer the chosen privacy level.',
    nextStep:
      'The creator chooses a level that the account offers now, and the planner plans the post with it.',
  },
  POST_COMMENT: {
    verdict: 'NEEDS_USER',
    meaning: 'The post allows comments, but the creator does not.',
    nextStep: changeSetting,
  },
  POST_DUET: {
    verdict: 'NEEDS_USER',
    meaning: 'The post allows duets, but the creator does not.',
    nextStep: changeSetting,
  },
  POST_STITCH: {
    verdict: 'NEEDS_USER',
    meaning: 'The post allows stitches, but the creator does not.',
    nextStep: changeSetting,
  },
  POST_BRANDEDPRIVATE: {
    verdict: 'NEEDS_USER',
    meaning: 'The post is marked as branded content, which TikTok does not allow to be private.',
    nextStep: 'The creator chooses a wider audience, or the planner plans the post without the mark.',
  },

  // Plan and approval.
  PLAN_ARCHIVED: {
    verdict: 'NEEDS_USER',
    meaning: stopMeanings.PLAN_ARCHIVED,
    nextStep: 'Cancel the job. If the post is still wanted, plan it again in another plan.',
  },
  PLAN_LOCKED: {
    verdict: 'NEEDS_USER',
    meaning: stopMeanings.PLAN_LOCKED,
    nextStep: 'Unlock the plan, and the job continues automatically; or cancel the job.',
  },
  AUTOPILOT_OFF: {
    verdict: 'NEEDS_USER',
    meaning: stopMeanings.AUTOPILOT_OFF,
    nextStep: 'Turn on the autopilot of the plan, and the job continues automatically; or cancel the job.',
  },
  POST_OUTDATED: {
    verdict: 'NEEDS_USER',
    meaning: 'The slot was changed and approved again after its post was opened.',
    nextStep: 'Retry the job to open another post with the currently approved content, or cancel it.',
  },
  NOT_APPROVED: {
    verdict: 'NEEDS_USER',
    meaning: stopMeanings.NOT_APPROVED,
    nextStep:
      'Approve the current content of the plan, and the job continues automatically; or cancel the job.',
  },
  APPROVAL_STALE: {
    verdict: 'NEEDS_USER',
    meaning: stopMeanings.APPROVAL_STALE,
    nextStep:
      'Review the slot. If it is correct, approve the plan again, and the job continues automatically; otherwise cancel the job.',
  },

  // Publishing.
  SLOT_PASSED: {
    verdict: 'NEEDS_USER',
    meaning: stopMeanings.SLOT_PASSED,
    nextStep: 'Retry the job to post it now, or cancel it.',
  },
  ACCOUNT_GAP: {
    verdict: 'RETRY_AFTER',
    meaning:
      'The post is late, and another post of the account was opened a moment ago: late posts keep a gap.',
    nextStep: 'No action needed: the post is opened automatically after the gap.',
  },
  INIT_INTERRUPTED: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'A worker was interrupted while it opened the post.',
    nextStep: lookedUp,
  },
  CHUNK_INTERRUPTED: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'A worker was interrupted while it sent a chunk of the video.',
    nextStep: lookedUp,
  },
  BETWEEN_CHUNKS: {
    verdict: 'RETRY_AFTER',
    meaning: 'TikTok is still processing a chunk of the video.',
    nextStep: 'No action needed: TikTok is polled again in a moment.',
    afterSeconds: 5,
  },
  POST_LOST: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: "TikTok no longer knows the post, and it is not among the creator's public posts.",
    nextStep: "Check the creator's profile. If the post is not there, plan it again.",
  },
  UNCONFIRMED: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'TikTok has reported nothing final about the post for days.',
    nextStep: "Check the creator's profile; retry the job to continue watching. It is never posted again.",
  },

  // Reelpilot itself.
  KEY_MISSING: {
    verdict: 'NEEDS_OPERATOR',
    meaning: "The key that encrypted the account's tokens is missing.",
    nextStep:
      'The operator restores the key file, or sets REELPILOT_SECRET_KEY, and restarts all processes. Retry the jobs that have stopped.',
    afterSeconds: 60,
  },
  UNEXPLAINED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The job could not continue automatically, and the reason was not stored.',
    nextStep: 'The operator finds the cause in the log and fixes it; then retry the job.',
  },
  STEP_KEEPS_FAILING: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The same step has crashed its worker or thrown an error several times.',
    nextStep: 'The operator finds the cause in the log and fixes it; then retry the job.',
  },
  INFRASTRUCTURE_FAILED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'No worker could complete the job; its dead letter has the reason.',
    nextStep: 'The operator finds the cause in the log and fixes it; then redrive the job.',
  },
  UNREADABLE_OUTCOME: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'A step returned an outcome that this version does not understand.',
    nextStep: 'The operator makes sure that all processes run the same version; then retry the job.',
  },
})
