import { missing } from './facts.ts'
import { jobSetup } from './setup.ts'
import { ignoreHoldAndFailure, ignoreRequests, onStepError } from './shared-transitions.ts'

/** The step that settles a job, and the settled states: no work is left, but TikTok can still report changes of the post. */
export const ending = {
  closing: jobSetup.createStateConfig({
    tags: 'working',
    on: {
      ...ignoreRequests,
      // The closing step continues; only the visibility is recorded.
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
        used: context.media !== null && context.provided === null,
        seconds: context.seconds,
      }),
      onDone: [
        { guard: { type: 'endsAs', params: 'rendered' }, target: 'rendered' },
        { guard: 'isHidden', target: 'takenDown' },
        { guard: { type: 'endsAs', params: 'published' }, target: 'published' },
        { guard: { type: 'endsAs', params: 'delivered' }, target: 'delivered' },
        { guard: { type: 'endsAs', params: 'cancelled' }, target: 'cancelled' },
        { target: 'failed' },
      ],
      onError: [...onStepError('#job.backingOff')],
    },
  }),
  /** A preview: its video is stored and posted nowhere. */
  rendered: jobSetup.createStateConfig({
    tags: 'settled',
    on: { ...ignoreHoldAndFailure, ...ignoreRequests },
  }),
  /** Posted, publicly or to a restricted audience. TikTok can still report changes. */
  published: jobSetup.createStateConfig({
    tags: 'settled',
    on: {
      ...ignoreHoldAndFailure,
      ...ignoreRequests,
      postShown: { guard: 'isNewlyVisible', target: 'published', actions: 'recordShown' },
      postHidden: { guard: 'isNewer', target: 'takenDown', actions: 'recordHidden' },
    },
  }),
  /** The draft is in the creator's inbox; the creator decides what becomes of it. */
  delivered: jobSetup.createStateConfig({
    tags: 'settled',
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
      postFailed: { target: 'failed', actions: ['recordRejection', { type: 'setEnding', params: 'failed' }] },
    },
  }),
  /** Removed or made private by TikTok or the creator. */
  takenDown: jobSetup.createStateConfig({
    tags: 'settled',
    on: {
      ...ignoreHoldAndFailure,
      ...ignoreRequests,
      postShown: { guard: 'isNewer', target: 'published', actions: 'recordShown' },
    },
  }),
}
