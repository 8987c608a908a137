import { assign } from 'xstate'
import { eventTime } from '../step.ts'
import { slotInput } from './facts.ts'
import { jobSetup } from './setup.ts'
import {
  ignoreHoldAndFailure,
  onStepError,
  postWebhookTransitions,
  requestsUnlessSent,
} from './shared-transitions.ts'
import { unconfirmed } from './verdict.ts'

/** The states in which a job waits for a hold to be lifted, an account to be connected, or a person to act. */
export const suspended = {
  /** The plan or its approval forbids the job to continue; the failure says why. It resumes when that is lifted. */
  held: jobSetup.createStateConfig({
    tags: 'waiting',
    always: { guard: 'hasPendingRequest', target: 'resuming' },
    after: { holdPoll: [{ guard: 'missedSlot', target: 'resuming' }, { target: 'checkingHold' }] },
    on: {
      ...ignoreHoldAndFailure,
      hold: { actions: 'recordFailure' },
      cleared: { target: 'resuming', actions: 'recordSuccess' },
      retry: 'checkingHold',
    },
  }),
  /** Polled as well, because a plan can be changed directly in the database. */
  checkingHold: jobSetup.createStateConfig({
    tags: 'working',
    invoke: {
      id: 'checkHold',
      src: 'checkHold',
      input: ({ context }) => ({
        ...slotInput(context),
        before: context.media === null ? ('rendering' as const) : ('posting' as const),
      }),
      onDone: { target: 'resuming', actions: 'recordSuccess' },
      onError: [...onStepError('#job.backingOff')],
    },
  }),
  /** A render or an open upload at a provider continues meanwhile. */
  paused: jobSetup.createStateConfig({
    tags: 'resting',
    on: {
      ...ignoreHoldAndFailure,
      cancel: requestsUnlessSent.cancel,
      pause: {},
      resume: { target: 'resuming', actions: 'resetForRetry' },
    },
  }),
  /** Resumes when the account is connected, unless the slot was missed. A sent post is watched no longer than with an account. */
  waitingForAccount: jobSetup.createStateConfig({
    tags: 'waiting',
    after: {
      accountPoll: [
        {
          guard: 'isWatchOver',
          target: 'needsPerson',
          actions: { type: 'setFailure', params: unconfirmed },
        },
        { target: 'resuming', actions: 'recordSuccess' },
      ],
    },
    on: {
      ...ignoreHoldAndFailure,
      ...postWebhookTransitions,
      ...requestsUnlessSent,
      // A cancel request that needs the account to be settled stays pending.
      accountConnected: { target: 'resuming', actions: 'recordSuccess' },
      retry: { target: 'resuming', actions: 'resetForRetry' },
    },
  }),
  /** The failure says who must act; `retry` resumes from what the job has. */
  needsPerson: jobSetup.createStateConfig({
    tags: 'resting',
    entry: 'explainToPerson',
    on: {
      ...ignoreHoldAndFailure,
      ...postWebhookTransitions,
      cancel: requestsUnlessSent.cancel,
      pause: {},
      cleared: { guard: 'isApprovalStale', target: 'resuming', actions: 'resetForRetry' },
      retry: {
        target: 'resuming',
        actions: [
          'allowLateness',
          'resetForRetry',
          assign({
            initAttempts: 0,
            watchedSince: ({ context, event }) => (context.sentAt === null ? null : eventTime(event)),
          }),
        ],
      },
    },
  }),
}
