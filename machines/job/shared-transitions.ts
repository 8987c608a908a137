/**
 * Transitions that several states of the job share. Guards and actions are named as in `setup.ts`.
 */

/** Handles a step's errors that its state does not handle itself. `waiting` is the state in which its area backs off. */
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
 * For states whose call must complete: a cancel or pause is kept as the pending request and applied after it. A hold needs
 * no entry, because clearance is checked before the next critical call.
 */
export const deferRequests = {
  cancel: { actions: 'requestCancel' },
  pause: { actions: 'requestPause' },
  hold: {},
} as const

/** Refuses these events: the empty entries override the root's transitions. */
export const ignoreRequests = { cancel: {}, pause: {}, hold: {} } as const

/** For states without work: nothing can fail or be held. */
export const ignoreHoldAndFailure = { infrastructureFailed: {}, hold: {} } as const

/**
 * Cancel and pause in states without a call: accepted unless the post may exist already. If the outcome is unknown, it is
 * looked up before cancelling, so that no cancelled job's post appears.
 */
export const requestsUnlessSent = {
  cancel: [
    { guard: 'cannotAppear', target: '#job.closing', actions: { type: 'setEnding', params: 'cancelled' } },
    { guard: 'isNotSent', target: '#job.resuming', actions: 'requestCancel' },
    {},
  ],
  pause: [{ guard: 'isNotSent', target: '#job.paused' }, {}],
} as const

/** TikTok's webhooks about a sent post. */
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
