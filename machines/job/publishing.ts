import { assign } from 'xstate'
import { maxAttempts } from '../rules/retry.ts'
import { mediaOf, postOf, slotInput } from './facts.ts'
import { jobSetup } from './setup.ts'
import { deferRequests, onStepError, requestsUnlessSent } from './shared-transitions.ts'

/** An answer was lost: the truth is looked up before anything is done again. */
const onUnknownOutcome = {
  guard: { type: 'isError', params: 'unknown' },
  target: 'reconciling',
  actions: ['recordFailure', 'markUnknown'],
} as const

/** The queue gave up while a call may have been under way: whoever goes on looks its truth up first. */
const onWorkerLost = { target: '#job.needsPerson', actions: ['recordFailure', 'markUnknown'] } as const

/**
 * Seconds before a post is opened anew whose opening was not answered for the `inits`th time: 1, 8, 64, 300. TikTok lets few
 * posts be pending at once, so the few attempts that there are have to outlast an outage of minutes.
 */
const nextInitDelaySeconds = (inits: number): number => Math.min(300, 8 ** (inits - 1))

/** From the open question "what does the creator allow?" to the last byte. Nothing can be seen before that one is sent. */
export const publishing = jobSetup.createStateConfig({
  initial: 'preparing',
  // Its time has come already.
  on: { slotMoved: {} },
  states: {
    preparing: {
      tags: 'working',
      invoke: {
        id: 'preparePost',
        src: 'preparePost',
        input: ({ context }) => ({ ...slotInput(context), media: mediaOf(context) }),
        onDone: { target: 'initialising', actions: 'recordSuccess' },
        onError: [...onStepError('backingOff')],
      },
    },
    /** Entering this state is the written intent: from here on TikTok may have opened a post. */
    initialising: {
      tags: 'working',
      on: {
        ...deferRequests,
        infrastructureFailed: { ...onWorkerLost, actions: [...onWorkerLost.actions, 'countInitAttempt'] },
      },
      entry: assign({ nextChunk: 0, outcomeUnknown: false }),
      invoke: {
        id: 'initPost',
        src: 'initPost',
        input: ({ context }) => ({ ...slotInput(context), media: mediaOf(context) }),
        onDone: {
          target: 'opened',
          actions: [
            'recordSuccess',
            'countInitAttempt',
            assign(({ event }) => ({
              post: event.output.post,
              audience: event.output.audience,
              progress: { completed: 0, total: event.output.post.chunkCount, unit: 'chunks' as const },
            })),
          ],
        },
        onError: [
          { ...onUnknownOutcome, actions: ['recordFailure', 'markUnknown', 'countInitAttempt'] },
          { guard: { type: 'isError', params: 'deferred' }, target: 'deferred', actions: 'defer' },
          ...onStepError('backingOff'),
        ],
      },
    },
    /** A place in line is kept for the post: whoever asked the creator's settings anew first would come too late for it. */
    deferred: {
      tags: 'waiting',
      after: {
        backoff: [
          { guard: 'missedSlot', target: '#job.resuming' },
          { guard: 'isStillPrepared', target: 'initialising' },
          { target: '#job.resuming' },
        ],
      },
      on: requestsUnlessSent,
    },
    /** Passed through at once. */
    opened: { always: [{ guard: 'hasPendingRequest', target: '#job.resuming' }, { target: 'uploading' }] },
    /** One chunk at a time, and a checkpoint after each. The post can exist only once the last one was sent. */
    uploading: {
      tags: 'working',
      on: { ...deferRequests, infrastructureFailed: onWorkerLost },
      invoke: {
        id: 'uploadChunk',
        src: 'uploadChunk',
        input: ({ context }) => ({
          ...slotInput(context),
          post: postOf(context),
          media: mediaOf(context),
          chunk: context.nextChunk,
        }),
        onDone: [
          {
            guard: 'sendsLastChunk',
            target: '#job.watching.accepted',
            actions: ['recordSuccess', 'clearPendingRequest', 'recordChunk', 'recordAllChunks'],
          },
          { guard: 'hasPendingRequest', target: '#job.resuming', actions: ['recordSuccess', 'recordChunk'] },
          { target: 'uploading', reenter: true, actions: ['recordSuccess', 'recordChunk'] },
        ],
        onError: [
          onUnknownOutcome,
          { guard: 'mayOpenAnother', target: '#job.resuming', actions: 'clearPost' },
          {
            guard: { type: 'isError', params: 'outdated' },
            target: '#job.needsPerson',
            actions: ['recordFailure', 'clearPost'],
          },
          ...onStepError('backingOff'),
        ],
      },
    },
    reconciling: {
      tags: 'working',
      on: deferRequests,
      invoke: {
        id: 'reconcilePost',
        src: 'reconcilePost',
        input: ({ context }) => ({
          ...slotInput(context),
          post: context.post,
          media: mediaOf(context),
          nextChunk: context.nextChunk,
          isUploadExpired: ['upload_expired', 'upload_gone'].includes(context.failure?.code ?? ''),
        }),
        onDone: [
          {
            guard: ({ context, event }) => context.post !== null && event.output.kind === 'sent',
            target: '#job.watching.accepted',
            actions: ['recordSuccess', 'clearPendingRequest', 'recordAllChunks'],
          },
          { guard: 'isIncompleteAndTooLate', target: '#job.needsPerson', actions: 'recordSlotPassed' },
          {
            // A host that fails on every chunk must not be asked in a circle: each turn is an attempt.
            guard: ({ context, event }) =>
              context.post !== null && event.output.kind === 'partly' && context.attempts < maxAttempts,
            target: 'backingOff',
            actions: assign(({ context, event }) => ({
              outcomeUnknown: false,
              attempts: context.attempts + 1,
              nextChunk: event.output.kind === 'partly' ? event.output.nextChunk : context.nextChunk,
            })),
          },
          {
            guard: ({ context, event }) => context.post !== null && event.output.kind === 'partly',
            target: '#job.needsPerson',
          },
          {
            guard: 'mayInitAgain',
            target: 'backingOff',
            actions: [
              'clearPost',
              assign(({ context: { initAttempts, afterSeconds } }) => ({
                attempts: initAttempts,
                afterSeconds: Math.max(afterSeconds, nextInitDelaySeconds(initAttempts)),
              })),
            ],
          },
          { target: '#job.needsPerson', actions: 'clearPost' },
        ],
        onError: [...onStepError('backingOff')],
      },
    },
    backingOff: { tags: 'waiting', after: { backoff: '#job.resuming' }, on: requestsUnlessSent },
  },
})
