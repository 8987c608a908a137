import { assign } from 'xstate'
import { mostAttempts } from '../rules/retry.ts'
import { jobSetup, mediaOf, ofSlot, postOf } from './setup.ts'
import { hearOut, otherwise, unlessSent } from './shared-transitions.ts'

/** An answer was lost: the truth is looked up before anything is done again. */
const lookUp = {
  guard: { type: 'isError', params: 'unknown' },
  target: 'reconciling',
  actions: ['blame', 'doubt'],
} as const

/** The queue gave up while a call may have been under way: whoever goes on looks its truth up first. */
const unheard = { target: '#job.needsPerson', actions: ['blame', 'doubt'] } as const

/**
 * Seconds before a post is opened anew whose opening was not answered for the `inits`th time: 1, 8, 64, 300. TikTok lets few
 * posts be pending at once, so the few attempts that there are have to outlast an outage of minutes.
 */
const untilNextInit = (inits: number): number => Math.min(300, 8 ** (inits - 1))

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
        input: ({ context }) => ({ ...ofSlot(context), media: mediaOf(context) }),
        onDone: { target: 'initialising', actions: 'succeed' },
        onError: [...otherwise('backingOff')],
      },
    },
    /** Entering this state is the written intent: from here on TikTok may have opened a post. */
    initialising: {
      tags: 'working',
      on: { ...hearOut, infrastructureFailed: { ...unheard, actions: [...unheard.actions, 'countInit'] } },
      entry: assign({ nextChunk: 0, unsure: false }),
      invoke: {
        id: 'initPost',
        src: 'initPost',
        input: ({ context }) => ({ ...ofSlot(context), media: mediaOf(context) }),
        onDone: {
          target: 'opened',
          actions: [
            'succeed',
            'countInit',
            assign(({ event }) => ({
              post: event.output.post,
              audience: event.output.audience,
              progress: { done: 0, of: event.output.post.chunkCount, unit: 'chunks' as const },
            })),
          ],
        },
        onError: [
          { ...lookUp, actions: ['blame', 'doubt', 'countInit'] },
          { guard: { type: 'isError', params: 'parked' }, target: 'awaitingTurn', actions: 'park' },
          ...otherwise('backingOff'),
        ],
      },
    },
    /** A place in line is kept for the post: whoever asked the creator's settings anew first would come too late for it. */
    awaitingTurn: {
      tags: 'waiting',
      after: {
        backoff: [
          { guard: 'missedItsTime', target: '#job.choosing' },
          { guard: 'isStillPrepared', target: 'initialising' },
          { target: '#job.choosing' },
        ],
      },
      on: unlessSent,
    },
    /** Passed through at once. */
    opened: { always: [{ guard: 'hasWish', target: '#job.choosing' }, { target: 'uploading' }] },
    /** One chunk at a time, and a checkpoint after each. The post can exist only once the last one was sent. */
    uploading: {
      tags: 'working',
      on: { ...hearOut, infrastructureFailed: unheard },
      invoke: {
        id: 'uploadChunk',
        src: 'uploadChunk',
        input: ({ context }) => ({
          ...ofSlot(context),
          post: postOf(context),
          media: mediaOf(context),
          chunk: context.nextChunk,
        }),
        onDone: [
          {
            guard: 'sendsLastChunk',
            target: '#job.watching.accepted',
            actions: ['succeed', 'forgetWish', 'sendChunk', 'sendAll'],
          },
          { guard: 'hasWish', target: '#job.choosing', actions: ['succeed', 'sendChunk'] },
          { target: 'uploading', reenter: true, actions: ['succeed', 'sendChunk'] },
        ],
        onError: [
          lookUp,
          { guard: 'mayOpenAnother', target: '#job.choosing', actions: 'forgetPost' },
          {
            guard: { type: 'isError', params: 'outdated' },
            target: '#job.needsPerson',
            actions: ['blame', 'forgetPost'],
          },
          ...otherwise('backingOff'),
        ],
      },
    },
    reconciling: {
      tags: 'working',
      on: hearOut,
      invoke: {
        id: 'reconcilePost',
        src: 'reconcilePost',
        input: ({ context }) => ({
          ...ofSlot(context),
          post: context.post,
          media: mediaOf(context),
          nextChunk: context.nextChunk,
          lapsed: ['upload_expired', 'upload_gone'].includes(context.failure?.code ?? ''),
        }),
        onDone: [
          {
            guard: ({ context, event }) => context.post !== null && event.output.kind === 'sent',
            target: '#job.watching.accepted',
            actions: ['succeed', 'forgetWish', 'sendAll'],
          },
          { guard: 'isPartlyLate', target: '#job.needsPerson', actions: 'passTime' },
          {
            // A host that fails on every chunk must not be asked in a circle: each turn is an attempt.
            guard: ({ context, event }) =>
              context.post !== null && event.output.kind === 'partly' && context.attempts < mostAttempts,
            target: 'backingOff',
            actions: assign(({ context, event }) => ({
              unsure: false,
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
              'forgetPost',
              assign(({ context: { inits, afterSeconds } }) => ({
                attempts: inits,
                afterSeconds: Math.max(afterSeconds, untilNextInit(inits)),
              })),
            ],
          },
          { target: '#job.needsPerson', actions: 'forgetPost' },
        ],
        onError: [...otherwise('backingOff')],
      },
    },
    backingOff: { tags: 'waiting', after: { backoff: '#job.choosing' }, on: unlessSent },
  },
})
