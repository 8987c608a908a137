/**
 * The ways out that states of the job share: transitions as plain values, by the names of guards and actions in `setup.ts`.
 */

/** How every step's error that is not special to its state goes on; `waiting` is where its area backs off. */
export const onStepError = (waiting: string) =>
  [
    { guard: 'mayRetry', target: waiting, actions: 'recordRetry' },
    { guard: { type: 'isError', params: 'deferred' }, target: waiting, actions: 'defer' },
    {
      guard: { type: 'isError', params: 'needsAccount' },
      target: '#job.waitingForAccount',
      actions: 'recordFailure',
    },
    { guard: { type: 'isError', params: 'held' }, target: '#job.held', actions: 'recordFailure' },
    {
      guard: { type: 'isError', params: 'failed' },
      target: '#job.closing',
      actions: ['recordFailure', { type: 'setEnding', params: 'failed' }],
    },
    { target: '#job.needsPerson', actions: 'recordFailure' },
  ] as const

/**
 * While such a call is under way its answer must be heard: what people ask for is done right after it. What holds the job is
 * looked at before the next call that matters.
 */
export const deferRequests = {
  cancel: { actions: 'requestCancel' },
  pause: { actions: 'requestPause' },
  hold: {},
} as const

/** Refuses all: without the empty ones the machine's own `cancel`, `pause` and `hold` would answer. */
export const ignoreRequests = { cancel: {}, pause: {}, hold: {} } as const

/** Nothing is under way here, so nothing of it can have failed; and where it waits already, nothing more holds it. */
export const ignoreHoldAndFailure = { infrastructureFailed: {}, hold: {} } as const

/**
 * Asked for in a state where nothing is under way: obeyed unless the post may exist already. If nobody knows, TikTok is asked
 * before it is cancelled: nothing is called cancelled that may still appear.
 */
export const requestsUnlessSent = {
  cancel: [
    { guard: 'cannotAppear', target: '#job.closing', actions: { type: 'setEnding', params: 'cancelled' } },
    { guard: 'isNotSent', target: '#job.resuming', actions: 'requestCancel' },
    {},
  ],
  pause: [{ guard: 'isNotSent', target: '#job.paused' }, {}],
} as const

/** What TikTok says of a post that was sent, wherever the job waits for word of it. */
export const postWebhookTransitions = {
  postCompleted: [
    { guard: 'isNotSent' },
    { guard: 'isForEveryone', target: '#job.watching.inModeration', actions: 'recordSuccess' },
    {
      target: '#job.closing',
      actions: ['recordSuccess', 'recordPrivate', { type: 'setEnding', params: 'published' }],
    },
  ],
  postShown: [
    { guard: 'isNotSent' },
    {
      target: '#job.closing',
      actions: ['recordSuccess', 'recordShown', { type: 'setEnding', params: 'published' }],
    },
  ],
  postHidden: [
    { guard: 'isNotSent' },
    {
      target: '#job.closing',
      actions: ['recordSuccess', 'recordHidden', { type: 'setEnding', params: 'published' }],
    },
  ],
  draftDelivered: [
    { guard: 'isNotSent' },
    { target: '#job.closing', actions: ['recordSuccess', { type: 'setEnding', params: 'delivered' }] },
  ],
  postFailed: [
    { guard: 'isNotSent' },
    {
      guard: 'canPostAgain',
      target: '#job.publishing.backingOff',
      actions: ['recordRejection', 'clearPost'],
    },
    { target: '#job.closing', actions: ['recordRejection', { type: 'setEnding', params: 'failed' }] },
  ],
} as const
