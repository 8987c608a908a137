import { stopMeanings } from '../../machines/rules/clearance.ts'
import { verdictsOf } from './verdict-row.ts'

const connectAgain = 'The creator connects the account again; what waits for it goes on by itself then.'
const lookedUp =
  'What TikTok has is looked up before anything is sent again. If it lasts, the operator looks at the line to TikTok; then retry the job.'
const changeSetting = 'The creator changes the setting in the TikTok app, or the post is planned without it.'

/** What our own steps, machines and guards say of accounts and posts; those of making a video are `videoVerdicts`. */
export const ownVerdicts = verdictsOf('reelpilot', {
  // The account.
  ACCOUNT_BUSY: {
    verdict: 'NEEDS_USER',
    meaning: 'The account was being disconnected at the moment when it was to be connected.',
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
    meaning: 'The creator has an account here already; that one was connected again.',
    nextStep: 'Nothing needs doing: go on with the account that was there before.',
  },
  AUTHORIZATION_REMOVED: {
    verdict: 'NEEDS_USER',
    meaning: "The creator, or TikTok, has taken the app's access away.",
    nextStep: connectAgain,
  },
  CONNECTION_EXPIRED: {
    verdict: 'NEEDS_USER',
    meaning: 'Nobody came back from TikTok with a permission in time.',
    nextStep:
      'The creator connects the account again, and answers on the page of TikTok without a long break.',
  },
  REFRESH_ANSWER_LOST: {
    verdict: 'NEEDS_USER',
    meaning:
      'The answer to a token refresh was lost: TikTok may have replaced the token, and the old one is dead.',
    nextStep: connectAgain,
  },
  SCOPE_MISSING: {
    verdict: 'NEEDS_USER',
    meaning: 'The creator has not granted a permission that posting needs.',
    nextStep: 'The creator connects the account again and grants every permission that is asked for.',
  },
  TOKEN_REFRESHING: {
    verdict: 'RETRY_AFTER',
    meaning: "The account's token is being refreshed by another worker.",
    nextStep: 'Nothing needs doing: this goes on in a moment.',
    afterSeconds: 2,
  },

  // The limits that stand before every call.
  rateLimit: {
    verdict: 'RETRY_AFTER',
    meaning: 'It was not the turn of this call yet, within the limits that we keep to.',
    nextStep: 'Nothing needs doing: it is made when its turn comes.',
  },
  circuitOpen: {
    verdict: 'RETRY_AFTER',
    meaning:
      'The other side is left alone for now: it failed several times in a row, or somebody here has said so.',
    nextStep:
      'Nothing needs doing: it goes on once a probe has succeeded, or who opened the breaker releases it. No attempt is spent meanwhile.',
  },
  retryBudget: {
    verdict: 'RETRY_AFTER',
    meaning: 'So many calls to the other side fail that only first attempts are made for now.',
    nextStep: 'Nothing needs doing: it goes on once calls succeed again. No attempt is spent meanwhile.',
  },
  QUOTA_EXCEEDED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The organization has no quota left for this video.',
    nextStep: 'The operator grants more quota; the job goes on by itself then.',
  },

  // What the creator allows, as it was a moment before the post.
  POST_CAPTION: {
    verdict: 'FIX_MEDIA',
    meaning: 'The caption is longer than TikTok takes.',
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
      'The creator chooses one of the levels that the account offers now, and the post is planned with it.',
  },
  POST_COMMENT: {
    verdict: 'NEEDS_USER',
    meaning: 'The post allows comments, and the creator does not.',
    nextStep: changeSetting,
  },
  POST_DUET: {
    verdict: 'NEEDS_USER',
    meaning: 'The post allows duets, and the creator does not.',
    nextStep: changeSetting,
  },
  POST_STITCH: {
    verdict: 'NEEDS_USER',
    meaning: 'The post allows stitches, and the creator does not.',
    nextStep: changeSetting,
  },
  POST_BRANDEDPRIVATE: {
    verdict: 'NEEDS_USER',
    meaning: 'The post is marked as branded content, which TikTok does not let be private.',
    nextStep: 'The creator chooses a wider audience, or the post is planned without the mark.',
  },

  // What may be posted.
  PLAN_ARCHIVED: {
    verdict: 'NEEDS_USER',
    meaning: stopMeanings.PLAN_ARCHIVED,
    nextStep: 'Cancel the job. If the post is still wanted, plan it anew in another plan.',
  },
  PLAN_LOCKED: {
    verdict: 'NEEDS_USER',
    meaning: stopMeanings.PLAN_LOCKED,
    nextStep: 'Unlock the plan; the job goes on by itself then. Or cancel the job.',
  },
  AUTOPILOT_OFF: {
    verdict: 'NEEDS_USER',
    meaning: stopMeanings.AUTOPILOT_OFF,
    nextStep: 'Turn the autopilot of the plan on; the job goes on by itself then. Or cancel the job.',
  },
  POST_OUTDATED: {
    verdict: 'NEEDS_USER',
    meaning: 'The slot was changed and approved again after its post was opened.',
    nextStep: 'Retry the job to open another post with what is approved now, or cancel it.',
  },
  NOT_APPROVED: {
    verdict: 'NEEDS_USER',
    meaning: stopMeanings.NOT_APPROVED,
    nextStep: 'Approve the plan as it is now; the job goes on by itself then. Or cancel the job.',
  },
  APPROVAL_STALE: {
    verdict: 'NEEDS_USER',
    meaning: stopMeanings.APPROVAL_STALE,
    nextStep:
      'Read the slot, and approve the plan again if it is as it shall be: the job goes on then. Or cancel it.',
  },

  // The post on its way.
  SLOT_PASSED: {
    verdict: 'NEEDS_USER',
    meaning: stopMeanings.SLOT_PASSED,
    nextStep: 'Retry the job to post it now, or cancel it.',
  },
  ACCOUNT_GAP: {
    verdict: 'RETRY_AFTER',
    meaning: "The post is late, and another of the account's was opened a moment ago: they keep a gap.",
    nextStep: 'Nothing needs doing: it is opened when its turn comes.',
  },
  INIT_INTERRUPTED: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'A worker was interrupted while it opened the post.',
    nextStep: lookedUp,
  },
  CHUNK_INTERRUPTED: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'A worker was interrupted while it sent a part of the video.',
    nextStep: lookedUp,
  },
  BETWEEN_CHUNKS: {
    verdict: 'RETRY_AFTER',
    meaning: 'TikTok is still taking in a part of the video.',
    nextStep: 'Nothing needs doing: it is asked again in a moment.',
    afterSeconds: 5,
  },
  POST_LOST: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: "TikTok does not know the post any more, and it is not among the creator's public posts.",
    nextStep: "Look at the creator's profile. If the post is not there, plan it anew.",
  },
  UNCONFIRMED: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'TikTok has said nothing final about the post for days.',
    nextStep: "Look at the creator's profile; retry the job to go on watching. It is never posted again.",
  },

  // The house itself.
  KEY_MISSING: {
    verdict: 'NEEDS_OPERATOR',
    meaning: "The key is not here that the account's tokens are sealed under.",
    nextStep:
      'The operator puts the key file back, or sets REELPILOT_SECRET_KEY, and starts all processes again. Retry the jobs that have stopped.',
    afterSeconds: 60,
  },
  UNEXPLAINED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The job could not go on by itself, for a reason that was not kept.',
    nextStep: 'The operator finds the cause in the log and mends it; then retry the job.',
  },
  STEP_KEEPS_FAILING: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The same step has ended its worker, or thrown, several times.',
    nextStep: 'The operator finds the cause in the log and mends it; then retry the job.',
  },
  INFRASTRUCTURE_FAILED: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'No worker got through with the job: it lies in a dead letter, which says why.',
    nextStep: 'The operator finds the cause in the log and mends it; then redrive the job.',
  },
  UNREADABLE_OUTCOME: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'A step answered something that this version does not understand.',
    nextStep: 'The operator makes sure that all processes run the same version; then retry the job.',
  },
})
