import { assign, setup } from 'xstate'
import { backoffMs } from './backoff.ts'
import { failureOf, type StepError, stepErrorOf } from './failure.ts'
import { freshContext, type JobContext, type JobInput, type KeptMedia, type OpenPost } from './job-context.ts'
import { jobSteps } from './job-steps.ts'
import { pollDelayMs, watchForMs } from './poll-schedule.ts'
import { atOf } from './step.ts'

/** What people may ask of a job; steps and timers do the rest. */
export type JobEvent =
  | { readonly type: 'cancel' }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'retry' }
  | { readonly type: 'quotaGranted' }

/** A step that is answered "later" this often in a row is left to a person. */
const mostAttempts = 20
/** A scene is made anew at most this often; a post is opened at most this often. */
const mostClipAttempts = 3
const mostInits = 3

const ofSlot = (context: JobContext) => ({ slotId: context.slotId, accountId: context.accountId })
/** A state that needs the media or the post is entered only with them; without, the machine itself is wrong. */
const mediaOf = (context: JobContext): KeptMedia => context.media ?? missing('media')
const postOf = (context: JobContext): OpenPost => context.post ?? missing('post')
const missing = (what: string): never => {
  throw new Error(`the job has no ${what} here`)
}

const machine = setup({
  types: {
    context: {} as JobContext,
    events: {} as JobEvent,
    input: {} as JobInput,
    tags: {} as 'working' | 'waiting' | 'resting' | 'final',
  },
  actors: jobSteps,
  delays: {
    backoff: ({ context }) => backoffMs(context.slotId, context.attempts, context.afterSeconds),
    clipPoll: ({ context }) => context.pollAfterMs,
    quotaPoll: 10 * 60_000,
    untilSlot: ({ context, event }) => Math.max(0, context.publishAt - atOf(event)),
    postPoll: ({ context }) => pollDelayMs(context.polls),
  },
  guards: {
    isError: ({ event }, kind: StepError['kind']) =>
      'error' in event && stepErrorOf(event as { error: unknown }).kind === kind,
    mayTryAgain: ({ context, event }) =>
      'error' in event &&
      stepErrorOf(event as { error: unknown }).kind === 'retry' &&
      context.attempts < mostAttempts,
    wishesCancel: ({ context }) => context.wish === 'cancel' && context.sentAt === null,
    wishesPause: ({ context }) => context.wish === 'pause' && context.sentAt === null,
    hasWish: ({ context }) => context.wish !== null,
    isEnding: ({ context }) => context.ending !== null,
    isSent: ({ context }) => context.sentAt !== null,
    isNotSent: ({ context }) => context.sentAt === null,
    isUnsure: ({ context }) => context.unsure,
    hasPost: ({ context }) => context.post !== null,
    hasMedia: ({ context }) => context.media !== null,
    hasAllClips: ({ context }) => context.scenes > 0 && context.clips.length >= context.scenes,
    hasClip: ({ context }) => context.clip !== null,
    hasQuota: ({ context }) => context.reserved,
    isOpen: ({ context }) => context.scenes > 0,
    keepsLastClip: ({ context }) => context.clips.length + 1 >= context.scenes,
    sendsLastChunk: ({ context }) => context.nextChunk + 1 >= (context.post?.chunkCount ?? 0),
    mayInitAgain: ({ context }) => context.inits < mostInits,
    watchedEnough: ({ context, event }) => atOf(event) - (context.sentAt ?? 0) > watchForMs,
    endsPublished: ({ context }) => context.ending === 'published',
    endsCancelled: ({ context }) => context.ending === 'cancelled',
  },
  actions: {
    wishCancel: assign({ wish: 'cancel' }),
    wishPause: assign({ wish: 'pause' }),
    forgetWish: assign({ wish: null }),
    /** A step did its work: what it struggled with before is over. */
    succeed: assign({ attempts: 0, afterSeconds: 0, failure: null }),
    /** A step was answered "later". */
    postpone: assign(({ context, event }) => {
      const error = stepErrorOf(event as unknown as { error: unknown })
      return {
        attempts: context.attempts + 1,
        afterSeconds: error.kind === 'retry' ? (error.afterSeconds ?? 0) : 0,
        failure: failureOf(error),
      }
    }),
    blame: assign(({ event }) => ({
      failure: failureOf(stepErrorOf(event as unknown as { error: unknown })),
    })),
    failForGood: assign({ ending: 'failed' }),
    forgetPost: assign({ post: null, nextChunk: 0, unsure: false, sentAt: null, polls: 0, progress: null }),
    sendChunk: assign(({ context }) => ({
      nextChunk: context.nextChunk + 1,
      progress: { done: context.nextChunk + 1, of: context.post?.chunkCount ?? 0, unit: 'chunks' as const },
    })),
    startAfresh: assign({ attempts: 0, afterSeconds: 0, failure: null, wish: null }),
  },
})

/** How every step's error that is not special to its state goes on; `waiting` is where its area backs off. */
const otherwise = (waiting: string) =>
  [
    { guard: 'mayTryAgain', target: waiting, actions: 'postpone' },
    {
      guard: { type: 'isError', params: 'failed' },
      target: '#job.closing',
      actions: ['blame', 'failForGood'],
    },
    { target: '#job.needsPerson', actions: 'blame' },
  ] as const

/** While such a call is under way its answer must be heard: what people ask for is done right after it. */
const hearOut = { cancel: { actions: 'wishCancel' }, pause: { actions: 'wishPause' } } as const

/**
 * A job: from a slot of an approved plan to a post that was seen through to its end. Every state either performs
 * one step, waits for one time, rests until somebody acts, or is final.
 */
export const jobLogic = machine.createMachine({
  id: 'job',
  context: ({ input }) => freshContext(input),
  initial: 'queued',
  on: {
    cancel: { target: '.closing', actions: assign({ ending: 'cancelled' }) },
    pause: '.paused',
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
      after: { quotaPoll: 'reservingQuota' },
      on: { quotaGranted: 'reservingQuota', retry: 'reservingQuota' },
    },
    generating: {
      initial: 'submitting',
      states: {
        /** Entering this state is the written intent: a clip may be paid for from here on. */
        submitting: {
          tags: 'working',
          on: hearOut,
          invoke: {
            id: 'submitClip',
            src: 'submitClip',
            input: ({ context }) => ({
              ...ofSlot(context),
              scene: context.clips.length,
              attempt: context.clipAttempt,
            }),
            onDone: [
              {
                guard: 'hasWish',
                target: '#job.choosing',
                actions: ['succeed', assign({ clip: ({ event }) => event.output.clip })],
              },
              {
                target: 'checking',
                actions: ['succeed', assign({ clip: ({ event }) => event.output.clip })],
              },
            ],
            onError: [...otherwise('backingOff')],
          },
        },
        checking: {
          tags: 'working',
          invoke: {
            id: 'checkClip',
            src: 'checkClip',
            input: ({ context }) => ({ clip: context.clip ?? missing('clip') }),
            onDone: [
              {
                guard: ({ event }) => event.output.kind === 'running',
                target: 'rendering',
                actions: [
                  'succeed',
                  assign(({ context, event }) =>
                    event.output.kind === 'running'
                      ? {
                          pollAfterMs: event.output.pollAfterMs,
                          progress: {
                            done: context.clips.length + event.output.progress,
                            of: context.scenes,
                            unit: 'scenes' as const,
                          },
                        }
                      : {},
                  ),
                ],
              },
              { guard: ({ event }) => event.output.kind === 'ready', target: 'keeping', actions: 'succeed' },
              {
                guard: ({ context, event }) =>
                  event.output.kind === 'broken' &&
                  event.output.again &&
                  context.clipAttempt < mostClipAttempts,
                target: 'backingOff',
                actions: assign(({ context, event }) => ({
                  clip: null,
                  clipAttempt: context.clipAttempt + 1,
                  attempts: context.attempts + 1,
                  failure: event.output.kind === 'broken' ? event.output.failure : null,
                })),
              },
              {
                target: '#job.closing',
                actions: [
                  assign({
                    failure: ({ event }) => (event.output.kind === 'broken' ? event.output.failure : null),
                  }),
                  'failForGood',
                ],
              },
            ],
            onError: [...otherwise('backingOff')],
          },
        },
        /** The provider is at it; nobody here holds anything meanwhile. */
        rendering: { tags: 'waiting', after: { clipPoll: 'checking' } },
        keeping: {
          tags: 'working',
          invoke: {
            id: 'keepClip',
            src: 'keepClip',
            input: ({ context }) => ({ clip: context.clip ?? missing('clip') }),
            onDone: [
              {
                guard: 'keepsLastClip',
                target: '#job.storing',
                actions: [
                  'succeed',
                  assign(({ context, event }) => ({
                    clips: [...context.clips, event.output.kept],
                    clip: null,
                    clipAttempt: 1,
                    progress: { done: context.clips.length + 1, of: context.scenes, unit: 'scenes' as const },
                  })),
                ],
              },
              {
                target: 'submitting',
                actions: [
                  'succeed',
                  assign(({ context, event }) => ({
                    clips: [...context.clips, event.output.kept],
                    clip: null,
                    clipAttempt: 1,
                    progress: { done: context.clips.length + 1, of: context.scenes, unit: 'scenes' as const },
                  })),
                ],
              },
            ],
            onError: [...otherwise('backingOff')],
          },
        },
        backingOff: { tags: 'waiting', after: { backoff: '#job.choosing' } },
      },
    },
    storing: {
      tags: 'working',
      invoke: {
        id: 'storeVideo',
        src: 'storeVideo',
        input: ({ context }) => ({ ...ofSlot(context), clips: context.clips }),
        onDone: {
          target: 'awaitingSlot',
          actions: ['succeed', assign({ media: ({ event }) => event.output.media, progress: null })],
        },
        onError: [...otherwise('#job.backingOff')],
      },
    },
    awaitingSlot: { tags: 'waiting', after: { untilSlot: 'publishing' } },
    publishing: {
      initial: 'preparing',
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
        initialising: {
          tags: 'working',
          on: hearOut,
          entry: assign({ inits: ({ context }) => context.inits + 1, nextChunk: 0, unsure: false }),
          invoke: {
            id: 'initPost',
            src: 'initPost',
            input: ({ context }) => ({ ...ofSlot(context), media: mediaOf(context) }),
            onDone: [
              {
                guard: 'hasWish',
                target: '#job.choosing',
                actions: [
                  'succeed',
                  assign(({ event }) => ({
                    post: event.output.post,
                    progress: { done: 0, of: event.output.post.chunkCount, unit: 'chunks' as const },
                  })),
                ],
              },
              {
                target: 'uploading',
                actions: [
                  'succeed',
                  assign(({ event }) => ({
                    post: event.output.post,
                    progress: { done: 0, of: event.output.post.chunkCount, unit: 'chunks' as const },
                  })),
                ],
              },
            ],
            onError: [
              {
                guard: { type: 'isError', params: 'unknown' },
                target: 'reconciling',
                actions: ['blame', assign({ unsure: true })],
              },
              ...otherwise('backingOff'),
            ],
          },
        },
        /** One chunk at a time. The post can exist only once the last one was sent. */
        uploading: {
          tags: 'working',
          on: hearOut,
          invoke: {
            id: 'uploadChunk',
            src: 'uploadChunk',
            input: ({ context }) => ({
              post: postOf(context),
              media: mediaOf(context),
              chunk: context.nextChunk,
            }),
            onDone: [
              {
                guard: 'sendsLastChunk',
                target: 'confirming',
                actions: [
                  'succeed',
                  'forgetWish',
                  'sendChunk',
                  assign({ sentAt: ({ event }) => atOf(event), polls: 0 }),
                ],
              },
              { guard: 'hasWish', target: '#job.choosing', actions: ['succeed', 'sendChunk'] },
              { target: 'uploading', reenter: true, actions: ['succeed', 'sendChunk'] },
            ],
            onError: [
              {
                guard: { type: 'isError', params: 'unknown' },
                target: 'reconciling',
                actions: ['blame', assign({ unsure: true })],
              },
              ...otherwise('backingOff'),
            ],
          },
        },
        /** An answer was lost. Looks up what is true before anything is done again. */
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
                guard: ({ event }) => event.output.kind === 'sent',
                target: 'confirming',
                actions: [
                  'succeed',
                  'forgetWish',
                  assign({
                    unsure: false,
                    sentAt: ({ event }) => atOf(event),
                    polls: 0,
                    nextChunk: ({ context }) => context.post?.chunkCount ?? 0,
                  }),
                ],
              },
              {
                guard: ({ event }) => event.output.kind === 'partly',
                target: '#job.choosing',
                actions: [
                  'succeed',
                  assign({
                    unsure: false,
                    nextChunk: ({ context, event }) =>
                      event.output.kind === 'partly' ? event.output.nextChunk : context.nextChunk,
                  }),
                ],
              },
              { guard: 'mayInitAgain', target: '#job.choosing', actions: 'forgetPost' },
              { target: '#job.needsPerson', actions: 'forgetPost' },
            ],
            onError: [...otherwise('backingOff')],
          },
        },
        confirming: { tags: 'waiting', on: { cancel: {}, pause: {} }, after: { postPoll: 'checkingStatus' } },
        checkingStatus: {
          tags: 'working',
          on: { cancel: {}, pause: {} },
          invoke: {
            id: 'checkPost',
            src: 'checkPost',
            input: ({ context }) => ({ ...ofSlot(context), post: postOf(context) }),
            onDone: [
              {
                guard: ({ event }) => event.output.kind === 'published',
                target: '#job.closing',
                actions: [
                  'succeed',
                  assign({
                    ending: 'published',
                    publicPostIds: ({ event }) =>
                      event.output.kind === 'published' ? event.output.publicPostIds : [],
                  }),
                ],
              },
              {
                guard: ({ context, event }) =>
                  event.output.kind === 'rejected' && event.output.again && context.inits < mostInits,
                target: 'backingOff',
                actions: [
                  'forgetPost',
                  assign(({ context, event }) => ({
                    attempts: context.attempts + 1,
                    failure: event.output.kind === 'rejected' ? event.output.failure : null,
                  })),
                ],
              },
              {
                guard: ({ event }) => event.output.kind === 'rejected',
                target: '#job.closing',
                actions: [
                  assign({
                    failure: ({ event }) => (event.output.kind === 'rejected' ? event.output.failure : null),
                  }),
                  'failForGood',
                ],
              },
              {
                guard: 'watchedEnough',
                target: '#job.needsPerson',
                actions: assign({
                  failure: {
                    verdict: 'OUTCOME_UNKNOWN',
                    code: 'UNCONFIRMED',
                    message:
                      'TikTok has said nothing final for 72 hours. Look at the profile; retry to go on watching. It is never posted again.',
                  },
                }),
              },
              {
                target: 'confirming',
                actions: ['succeed', assign({ polls: ({ context }) => context.polls + 1 })],
              },
            ],
            onError: [...otherwise('backingOff')],
          },
        },
        backingOff: {
          tags: 'waiting',
          after: { backoff: '#job.choosing' },
          on: {
            // The empty ones refuse: without them the machine's own `cancel` and `pause` would answer.
            cancel: [
              { guard: 'isNotSent', target: '#job.closing', actions: assign({ ending: 'cancelled' }) },
              {},
            ],
            pause: [{ guard: 'isNotSent', target: '#job.paused' }, {}],
          },
        },
      },
    },
    /** Where a job goes on follows from what it has. Passed through at once, never rested in. */
    choosing: {
      always: [
        { guard: 'isEnding', target: 'closing' },
        { guard: 'wishesCancel', target: 'closing', actions: assign({ ending: 'cancelled' }) },
        { guard: 'wishesPause', target: 'paused', actions: 'forgetWish' },
        { guard: 'isSent', target: 'publishing.confirming' },
        { guard: 'isUnsure', target: 'publishing.reconciling' },
        { guard: 'hasPost', target: 'publishing.uploading' },
        { guard: 'hasMedia', target: 'awaitingSlot' },
        { guard: 'hasAllClips', target: 'storing' },
        { guard: 'hasClip', target: 'generating.checking' },
        { guard: 'hasQuota', target: 'generating.submitting' },
        { guard: 'isOpen', target: 'reservingQuota' },
        { target: 'queued' },
      ],
    },
    backingOff: { tags: 'waiting', after: { backoff: 'choosing' } },
    /** Rests until somebody resumes it. What was asked of others (a render, an open upload) stays asked. */
    paused: { tags: 'resting', on: { pause: {}, resume: { target: 'choosing', actions: 'startAfresh' } } },
    /** The failure says who must act; `retry` goes on from what is there. */
    needsPerson: {
      tags: 'resting',
      on: {
        pause: {},
        cancel: [{ guard: 'isNotSent', target: 'closing', actions: assign({ ending: 'cancelled' }) }, {}],
        retry: {
          target: 'choosing',
          actions: [
            'startAfresh',
            assign({
              inits: 0,
              sentAt: ({ context, event }) => (context.sentAt === null ? null : atOf(event)),
            }),
          ],
        },
      },
    },
    closing: {
      tags: 'working',
      on: { cancel: {}, pause: {} },
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
          { guard: 'endsPublished', target: 'published' },
          { guard: 'endsCancelled', target: 'cancelled' },
          { target: 'failed' },
        ],
        onError: [...otherwise('#job.backingOff')],
      },
    },
    published: { tags: 'final', type: 'final' },
    cancelled: { tags: 'final', type: 'final' },
    failed: { tags: 'final', type: 'final' },
  },
})
