import { assign } from 'xstate'
import { maxAttempts } from '../rules/retry.ts'
import { mediaOf, postOf, slotInput } from './facts.ts'
import { jobSetup } from './setup.ts'
import { deferRequests, onStepError, requestsUnlessSent } from './shared-transitions.ts'

/** A response was lost: the outcome is looked up before anything is repeated. */
const onUnknownOutcome = {
  guard: { type: 'isError', params: 'unknown' },
  target: 'reconciling',
  actions: ['recordFailure', 'markUnknown'],
} as const

/** The queue gave up while a call may have been running: its outcome is unknown. */
const onInfrastructureFailed = {
  target: '#job.needsPerson',
  actions: ['recordFailure', 'markUnknown'],
} as const

/**
 * Seconds before the next attempt to open a post after a lost response: 1, 8, 64, 300. TikTok allows few pending posts at
 * once, so the few attempts must outlast an outage of minutes.
 */
const nextInitDelaySeconds = (initAttempts: number): number => Math.min(300, 8 ** (initAttempts - 1))

/** From reading the creator's settings to the last byte. Nothing is visible before the last byte is sent. */
export const publishing = jobSetup.createStateConfig({
  initial: 'preparing',
  // The slot's time has come.
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
    /** Entering this state records the intent: from now on TikTok may have opened a post. */
    initialising: {
      tags: 'working',
      on: {
        ...deferRequests,
        infrastructureFailed: {
          ...onInfrastructureFailed,
          actions: [...onInfrastructureFailed.actions, 'countInitAttempt'],
        },
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
    /** A rate-limit reservation is kept for the post. Reading the creator's settings again first would miss it. */
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
    /** Transient. */
    opened: { always: [{ guard: 'hasPendingRequest', target: '#job.resuming' }, { target: 'uploading' }] },
    /** One chunk per checkpoint. The post can exist only after the last chunk. */
    uploading: {
      tags: 'working',
      on: { ...deferRequests, infrastructureFailed: onInfrastructureFailed },
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
            // Each lookup counts as an attempt, so that a host that fails on every chunk cannot cause an endless loop.
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
