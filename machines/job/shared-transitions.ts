/**
 * The ways out that states of the job share: transitions as plain values, by the names of guards and actions in `setup.ts`.
 */

/** How every step's error that is not special to its state goes on; `waiting` is where its area backs off. */
export const otherwise = (waiting: string) =>
  [
    { guard: 'mayTryAgain', target: waiting, actions: 'postpone' },
    { guard: { type: 'isError', params: 'parked' }, target: waiting, actions: 'park' },
    {
      guard: { type: 'isError', params: 'needsAccount' },
      target: '#job.waitingForAccount',
      actions: 'blame',
    },
    { guard: { type: 'isError', params: 'held' }, target: '#job.held', actions: 'blame' },
    {
      guard: { type: 'isError', params: 'failed' },
      target: '#job.closing',
      actions: ['blame', { type: 'end', params: 'failed' }],
    },
    { target: '#job.needsPerson', actions: 'blame' },
  ] as const

/**
 * While such a call is under way its answer must be heard: what people ask for is done right after it. What holds the job is
 * looked at before the next call that matters.
 */
export const hearOut = {
  cancel: { actions: 'wishCancel' },
  pause: { actions: 'wishPause' },
  hold: {},
} as const

/** Refuses all: without the empty ones the machine's own `cancel`, `pause` and `hold` would answer. */
export const tooLate = { cancel: {}, pause: {}, hold: {} } as const

/** Nothing is under way here, so nothing of it can have failed; and where it waits already, nothing more holds it. */
export const atRest = { infrastructureFailed: {}, hold: {} } as const

/**
 * Asked for in a state where nothing is under way: obeyed unless the post may exist already. If nobody knows, TikTok is asked
 * before it is cancelled: nothing is called cancelled that may still appear.
 */
export const unlessSent = {
  cancel: [
    { guard: 'cannotAppear', target: '#job.closing', actions: { type: 'end', params: 'cancelled' } },
    { guard: 'isNotSent', target: '#job.choosing', actions: 'wishCancel' },
    {},
  ],
  pause: [{ guard: 'isNotSent', target: '#job.paused' }, {}],
} as const

/** What TikTok says of a post that was sent, wherever the job waits for word of it. */
export const postNews = {
  postCompleted: [
    { guard: 'isNotSent' },
    { guard: 'isForEveryone', target: '#job.watching.inModeration', actions: 'succeed' },
    { target: '#job.closing', actions: ['succeed', 'keepPrivate', { type: 'end', params: 'published' }] },
  ],
  postShown: [
    { guard: 'isNotSent' },
    { target: '#job.closing', actions: ['succeed', 'show', { type: 'end', params: 'published' }] },
  ],
  postHidden: [
    { guard: 'isNotSent' },
    { target: '#job.closing', actions: ['succeed', 'hide', { type: 'end', params: 'published' }] },
  ],
  draftDelivered: [
    { guard: 'isNotSent' },
    { target: '#job.closing', actions: ['succeed', { type: 'end', params: 'delivered' }] },
  ],
  postFailed: [
    { guard: 'isNotSent' },
    { guard: 'mayPostAgain', target: '#job.publishing.backingOff', actions: ['reject', 'forgetPost'] },
    { target: '#job.closing', actions: ['reject', { type: 'end', params: 'failed' }] },
  ],
} as const
