import { assign } from 'xstate'
import { freshContext } from './job/context.ts'
import { generating } from './job/generating.ts'
import { publishing } from './job/publishing.ts'
import { jobSetup, mediaOf, missing, ofSlot } from './job/setup.ts'
import { atRest, otherwise, postNews, tooLate, unlessSent } from './job/shared-transitions.ts'
import { unconfirmed, watching } from './job/watching.ts'
import { atOf } from './step.ts'

const reserveAgain = [{ guard: 'missedItsTime', target: 'choosing' }, { target: 'reservingQuota' }] as const

/**
 * A job: from a slot of an approved plan to a post that was seen through to its end. Every state either performs
 * one step, waits for one time, rests until somebody acts, or is final.
 */
export const jobLogic = jobSetup.createMachine({
  id: 'job',
  context: ({ input }) => freshContext(input),
  initial: 'queued',
  on: {
    cancel: { target: '.closing', actions: { type: 'end', params: 'cancelled' } },
    pause: '.paused',
    slotMoved: { guard: 'hasNothingOpen', actions: 'moveSlot' },
    hold: { guard: 'mayBeHeld', target: '.held', actions: 'blame' },
    // Where a call may have been made and not be heard of, the state itself says more.
    infrastructureFailed: { target: '.needsPerson', actions: 'blame' },
  },
  states: {
    queued: {
      tags: 'working',
      invoke: {
        id: 'openJob',
        src: 'openJob',
        input: ({ context }) => ofSlot(context),
        onDone: {
          target: 'reservingQuota',
          actions: [
            'succeed',
            assign({
              scenes: ({ event }) => event.output.scenes,
              seconds: ({ event }) => event.output.seconds,
            }),
          ],
        },
        onError: [...otherwise('#job.backingOff')],
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
            'succeed',
            assign({
              reserved: true,
              progress: ({ context }) => ({ done: 0, of: context.scenes, unit: 'scenes' }),
            }),
          ],
        },
        onError: [
          { guard: { type: 'isError', params: 'needsPerson' }, target: 'waitingForQuota', actions: 'blame' },
          ...otherwise('#job.backingOff'),
        ],
      },
    },
    /** Looks again now and then, and at once when more is granted. */
    waitingForQuota: {
      tags: 'waiting',
      after: { quotaPoll: [...reserveAgain] },
      on: { quotaGranted: [...reserveAgain], retry: [...reserveAgain] },
    },
    generating,
    storing: {
      tags: 'working',
      invoke: {
        id: 'storeVideo',
        src: 'storeVideo',
        input: ({ context }) => ({ ...ofSlot(context), clips: context.clips }),
        onDone: {
          target: 'checkingMedia',
          actions: ['succeed', assign({ media: ({ event }) => event.output.media, progress: null })],
        },
        onError: [...otherwise('#job.backingOff')],
      },
    },
    checkingMedia: {
      tags: 'working',
      invoke: {
        id: 'checkMedia',
        src: 'checkMedia',
        input: ({ context }) => ({ ...ofSlot(context), media: mediaOf(context) }),
        onDone: { target: 'awaitingSlot', actions: ['succeed', assign({ checked: true })] },
        onError: [...otherwise('#job.backingOff')],
      },
    },
    awaitingSlot: {
      tags: 'waiting',
      after: { untilSlot: 'publishing' },
      on: {
        slotMoved: {
          guard: 'hasNothingOpen',
          target: 'awaitingSlot',
          reenter: true,
          actions: 'moveSlot',
        },
      },
    },
    publishing,
    watching,
    /** Where a job goes on follows from what it has. Passed through at once, never rested in. */
    choosing: {
      always: [
        { guard: 'isEnding', target: 'closing' },
        { guard: 'wishesCancel', target: 'closing', actions: { type: 'end', params: 'cancelled' } },
        { guard: 'wishesPause', target: 'paused', actions: 'forgetWish' },
        // More of it may have arrived than was heard of: nothing is called late that may still appear.
        { guard: 'missedItsTimeOpen', target: 'publishing.reconciling', actions: assign({ unsure: true }) },
        { guard: 'missedItsTime', target: 'needsPerson', actions: 'passTime' },
        { guard: 'isSent', target: 'watching.accepted' },
        { guard: 'isUnsure', target: 'publishing.reconciling' },
        { guard: 'hasPost', target: 'publishing.uploading' },
        { guard: 'isChecked', target: 'awaitingSlot' },
        { guard: 'hasMedia', target: 'checkingMedia' },
        { guard: 'hasAllClips', target: 'storing' },
        { guard: 'hasClip', target: 'generating.checking' },
        { guard: 'hasQuota', target: 'generating.submitting' },
        { guard: 'isOpen', target: 'reservingQuota' },
        { target: 'queued' },
      ],
    },
    backingOff: { tags: 'waiting', after: { backoff: 'choosing' } },
    /**
     * What it is for may not be posted now; the failure says why. It goes on by itself when it may, and is left to a person when
     * its time has passed.
     */
    held: {
      tags: 'waiting',
      always: { guard: 'hasWish', target: 'choosing' },
      after: { holdPoll: [{ guard: 'missedItsTime', target: 'choosing' }, { target: 'checkingHold' }] },
      on: {
        ...atRest,
        hold: { actions: 'blame' },
        cleared: { target: 'choosing', actions: 'succeed' },
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
          ...ofSlot(context),
          before: context.media === null ? ('rendering' as const) : ('posting' as const),
        }),
        onDone: { target: 'choosing', actions: 'succeed' },
        onError: [...otherwise('#job.backingOff')],
      },
    },
    /** Rests until somebody resumes it. What was asked of others (a render, an open upload) stays asked. */
    paused: {
      tags: 'resting',
      on: {
        ...atRest,
        cancel: unlessSent.cancel,
        pause: {},
        resume: { target: 'choosing', actions: 'startAfresh' },
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
            guard: 'watchedEnough',
            target: 'needsPerson',
            actions: { type: 'fail', params: unconfirmed },
          },
          { target: 'choosing', actions: 'succeed' },
        ],
      },
      on: {
        ...atRest,
        ...postNews,
        ...unlessSent,
        // A wish to cancel that could not be settled without the account still stands.
        accountConnected: { target: 'choosing', actions: 'succeed' },
        retry: { target: 'choosing', actions: 'startAfresh' },
      },
    },
    /** The failure says who must act; `retry` goes on from what is there. */
    needsPerson: {
      tags: 'resting',
      entry: 'askPerson',
      on: {
        ...atRest,
        ...postNews,
        cancel: unlessSent.cancel,
        pause: {},
        cleared: { guard: 'isStale', target: 'choosing', actions: 'startAfresh' },
        retry: {
          target: 'choosing',
          actions: [
            'permitLateness',
            'startAfresh',
            assign({
              inits: 0,
              watchedSince: ({ context, event }) => (context.sentAt === null ? null : atOf(event)),
            }),
          ],
        },
      },
    },
    closing: {
      tags: 'working',
      on: {
        ...tooLate,
        // The books are being closed: what TikTok says meanwhile is noted, and the step goes on.
        postShown: { guard: 'isNews', actions: 'show' },
        postHidden: { guard: 'isNews', actions: 'hide' },
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
        onError: [...otherwise('#job.backingOff')],
      },
    },
    /** Posted, in public or for the few it was meant for. Not watched any more, but TikTok may still have news of it. */
    published: {
      tags: 'resting',
      on: {
        ...atRest,
        ...tooLate,
        postShown: { guard: 'isNewlyShown', target: 'published', actions: 'show' },
        postHidden: { guard: 'isNews', target: 'takenDown', actions: 'hide' },
      },
    },
    /** The draft lies in the creator's inbox: what becomes of it is theirs to say. */
    delivered: {
      tags: 'resting',
      on: {
        ...atRest,
        ...tooLate,
        postCompleted: { target: 'published', actions: { type: 'end', params: 'published' } },
        postShown: { target: 'published', actions: ['show', { type: 'end', params: 'published' }] },
        postHidden: { target: 'takenDown', actions: ['hide', { type: 'end', params: 'published' }] },
        postFailed: { target: 'failed', actions: ['reject', { type: 'end', params: 'failed' }] },
      },
    },
    /** It was public and is not any more, by TikTok's or the creator's hand. */
    takenDown: {
      tags: 'resting',
      on: { ...atRest, ...tooLate, postShown: { guard: 'isNews', target: 'published', actions: 'show' } },
    },
    cancelled: { tags: 'final', type: 'final' },
    failed: { tags: 'final', type: 'final' },
  },
})
