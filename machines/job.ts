import { assign } from 'xstate'
import { initialContext } from './job/context.ts'
import { generating } from './job/generating.ts'
import { publishing } from './job/publishing.ts'
import { jobSetup, mediaOf, missing, slotInput } from './job/setup.ts'
import {
  ignoreHoldAndFailure,
  ignoreRequests,
  onStepError,
  postWebhookTransitions,
  requestsUnlessSent,
} from './job/shared-transitions.ts'
import { unconfirmed, watching } from './job/watching.ts'
import { eventTime } from './step.ts'

const resumeReserving = [{ guard: 'missedSlot', target: 'resuming' }, { target: 'reservingQuota' }] as const

/**
 * A job: from a slot of an approved plan to a post that was seen through to its end. Every state either performs
 * one step, waits for one time, rests until somebody acts, or is final.
 */
export const jobLogic = jobSetup.createMachine({
  id: 'job',
  context: ({ input }) => initialContext(input),
  initial: 'queued',
  on: {
    cancel: { target: '.closing', actions: { type: 'setEnding', params: 'cancelled' } },
    pause: '.paused',
    slotMoved: { guard: 'hasNoPostBegun', actions: 'updatePublishAt' },
    hold: { guard: 'mayBeHeld', target: '.held', actions: 'recordFailure' },
    // Where a call may have been made and not be heard of, the state itself says more.
    infrastructureFailed: { target: '.needsPerson', actions: 'recordFailure' },
  },
  states: {
    queued: {
      tags: 'working',
      invoke: {
        id: 'openJob',
        src: 'openJob',
        input: ({ context }) => slotInput(context),
        onDone: {
          target: 'reservingQuota',
          actions: [
            'recordSuccess',
            assign({
              scenes: ({ event }) => event.output.scenes,
              seconds: ({ event }) => event.output.seconds,
            }),
          ],
        },
        onError: [...onStepError('#job.backingOff')],
      },
    },
    reservingQuota: {
      tags: 'working',
      invoke: {
        id: 'reserveQuota',
        src: 'reserveQuota',
        input: ({ context }) => ({ seconds: context.seconds }),
        onDone: {
          target: 'generating',
          actions: [
            'recordSuccess',
            assign({
              reserved: true,
              progress: ({ context }) => ({ completed: 0, total: context.scenes, unit: 'scenes' }),
            }),
          ],
        },
        onError: [
          {
            guard: { type: 'isError', params: 'needsPerson' },
            target: 'waitingForQuota',
            actions: 'recordFailure',
          },
          ...onStepError('#job.backingOff'),
        ],
      },
    },
    /** Looks again now and then, and at once when more is granted. */
    waitingForQuota: {
      tags: 'waiting',
      after: { quotaPoll: [...resumeReserving] },
      on: { quotaGranted: [...resumeReserving], retry: [...resumeReserving] },
    },
    generating,
    storing: {
      tags: 'working',
      invoke: {
        id: 'storeVideo',
        src: 'storeVideo',
        input: ({ context }) => ({ ...slotInput(context), clips: context.clips }),
        onDone: {
          target: 'checkingMedia',
          actions: ['recordSuccess', assign({ media: ({ event }) => event.output.media, progress: null })],
        },
        onError: [...onStepError('#job.backingOff')],
      },
    },
    checkingMedia: {
      tags: 'working',
      invoke: {
        id: 'checkMedia',
        src: 'checkMedia',
        input: ({ context }) => ({ ...slotInput(context), media: mediaOf(context) }),
        onDone: { target: 'awaitingSlot', actions: ['recordSuccess', assign({ checked: true })] },
        onError: [...onStepError('#job.backingOff')],
      },
    },
    awaitingSlot: {
      tags: 'waiting',
      after: { untilSlot: 'publishing' },
      on: {
        slotMoved: {
          guard: 'hasNoPostBegun',
          target: 'awaitingSlot',
          reenter: true,
          actions: 'updatePublishAt',
        },
      },
    },
    publishing,
    watching,
    /** Where a job goes on follows from what it has. Passed through at once, never rested in. */
    resuming: {
      always: [
        { guard: 'isEnding', target: 'closing' },
        {
          guard: 'isCancelRequested',
          target: 'closing',
          actions: { type: 'setEnding', params: 'cancelled' },
        },
        { guard: 'isPauseRequested', target: 'paused', actions: 'clearPendingRequest' },
        // More of it may have arrived than was heard of: nothing is called late that may still appear.
        {
          guard: 'missedSlotWithOpenPost',
          target: 'publishing.reconciling',
          actions: assign({ outcomeUnknown: true }),
        },
        { guard: 'missedSlot', target: 'needsPerson', actions: 'recordSlotPassed' },
        { guard: 'isSent', target: 'watching.accepted' },
        { guard: 'isOutcomeUnknown', target: 'publishing.reconciling' },
        { guard: 'hasPost', target: 'publishing.uploading' },
        { guard: 'isMediaChecked', target: 'awaitingSlot' },
        { guard: 'hasMedia', target: 'checkingMedia' },
        { guard: 'hasAllClips', target: 'storing' },
        { guard: 'hasClip', target: 'generating.checking' },
        { guard: 'isQuotaReserved', target: 'generating.submitting' },
        { guard: 'isOpened', target: 'reservingQuota' },
        { target: 'queued' },
      ],
    },
    backingOff: { tags: 'waiting', after: { backoff: 'resuming' } },
    /**
     * What it is for may not be posted now; the failure says why. It goes on by itself when it may, and is left to a person when
     * its time has passed.
     */
    held: {
      tags: 'waiting',
      always: { guard: 'hasPendingRequest', target: 'resuming' },
      after: { holdPoll: [{ guard: 'missedSlot', target: 'resuming' }, { target: 'checkingHold' }] },
      on: {
        ...ignoreHoldAndFailure,
        hold: { actions: 'recordFailure' },
        cleared: { target: 'resuming', actions: 'recordSuccess' },
        retry: 'checkingHold',
      },
    },
    /** Nobody need have said that what held it is over: the database may have been changed. */
    checkingHold: {
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
    },
    /** Rests until somebody resumes it. What was asked of others (a render, an open upload) stays asked. */
    paused: {
      tags: 'resting',
      on: {
        ...ignoreHoldAndFailure,
        cancel: requestsUnlessSent.cancel,
        pause: {},
        resume: { target: 'resuming', actions: 'resetForRetry' },
      },
    },
    /**
     * Waits until the account's owner has connected it (again); then it goes on by itself, unless its time is over. A post that
     * was sent is watched for no longer than with an account.
     */
    waitingForAccount: {
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
        // A wish to cancel that could not be settled without the account still stands.
        accountConnected: { target: 'resuming', actions: 'recordSuccess' },
        retry: { target: 'resuming', actions: 'resetForRetry' },
      },
    },
    /** The failure says who must act; `retry` goes on from what is there. */
    needsPerson: {
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
    },
    closing: {
      tags: 'working',
      on: {
        ...ignoreRequests,
        // The books are being closed: what TikTok says meanwhile is noted, and the step goes on.
        postShown: { guard: 'isNewer', actions: 'recordShown' },
        postHidden: { guard: 'isNewer', actions: 'recordHidden' },
      },
      invoke: {
        id: 'closeJob',
        src: 'closeJob',
        input: ({ context }) => ({
          ending: context.ending ?? missing('ending'),
          clip: context.clip,
          reserved: context.reserved,
          used: context.media !== null,
          seconds: context.seconds,
        }),
        onDone: [
          { guard: 'isHidden', target: 'takenDown' },
          { guard: { type: 'endsAs', params: 'published' }, target: 'published' },
          { guard: { type: 'endsAs', params: 'delivered' }, target: 'delivered' },
          { guard: { type: 'endsAs', params: 'cancelled' }, target: 'cancelled' },
          { target: 'failed' },
        ],
        onError: [...onStepError('#job.backingOff')],
      },
    },
    /** Posted, in public or for the few it was meant for. Not watched any more, but TikTok may still have news of it. */
    published: {
      tags: 'resting',
      on: {
        ...ignoreHoldAndFailure,
        ...ignoreRequests,
        postShown: { guard: 'isNewlyVisible', target: 'published', actions: 'recordShown' },
        postHidden: { guard: 'isNewer', target: 'takenDown', actions: 'recordHidden' },
      },
    },
    /** The draft lies in the creator's inbox: what becomes of it is theirs to say. */
    delivered: {
      tags: 'resting',
      on: {
        ...ignoreHoldAndFailure,
        ...ignoreRequests,
        postCompleted: { target: 'published', actions: { type: 'setEnding', params: 'published' } },
        postShown: {
          target: 'published',
          actions: ['recordShown', { type: 'setEnding', params: 'published' }],
        },
        postHidden: {
          target: 'takenDown',
          actions: ['recordHidden', { type: 'setEnding', params: 'published' }],
        },
        postFailed: {
          target: 'failed',
          actions: ['recordRejection', { type: 'setEnding', params: 'failed' }],
        },
      },
    },
    /** It was public and is not any more, by TikTok's or the creator's hand. */
    takenDown: {
      tags: 'resting',
      on: {
        ...ignoreHoldAndFailure,
        ...ignoreRequests,
        postShown: { guard: 'isNewer', target: 'published', actions: 'recordShown' },
      },
    },
    cancelled: { tags: 'final', type: 'final' },
    failed: { tags: 'final', type: 'final' },
  },
})
