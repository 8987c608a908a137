import { assign } from 'xstate'
import { missing, postOf, slotInput } from './facts.ts'
import { jobSetup } from './setup.ts'
import { ignoreRequests, onStepError, postWebhookTransitions } from './shared-transitions.ts'
import { unconfirmed } from './verdict.ts'

/**
 * TikTok has all bytes. It is polled at growing intervals and may send webhooks; both lead to the same states. A second post
 * is opened only after TikTok reports that the first has failed.
 */
export const watching = jobSetup.createStateConfig({
  initial: 'accepted',
  on: { ...ignoreRequests, ...postWebhookTransitions },
  states: {
    accepted: { tags: 'waiting', after: { postPoll: 'checking' } },
    processing: { tags: 'waiting', entry: assign({ stage: 'processing' }), after: { postPoll: 'checking' } },
    /** Accepted. A public post has no id before moderation ends: mostly minutes, sometimes hours. */
    inModeration: {
      tags: 'waiting',
      entry: assign({ stage: 'inModeration' }),
      after: { postPoll: 'checking' },
    },
    checking: {
      tags: 'working',
      invoke: {
        id: 'checkPost',
        src: 'checkPost',
        input: ({ context }) => ({
          ...slotInput(context),
          post: postOf(context),
          sentAt: context.sentAt ?? missing('time of sending'),
          polls: context.polls,
        }),
        onDone: [
          {
            guard: ({ event }) => event.output.kind === 'public',
            target: '#job.closing',
            actions: [
              'recordSuccess',
              { type: 'setEnding', params: 'published' },
              assign(({ context, event }) => ({
                visibility: 'public' as const,
                publicPostIds:
                  event.output.kind === 'public'
                    ? [...new Set([...context.publicPostIds, ...event.output.postIds])]
                    : context.publicPostIds,
              })),
            ],
          },
          {
            guard: ({ event }) => event.output.kind === 'private',
            target: '#job.closing',
            actions: ['recordSuccess', 'recordPrivate', { type: 'setEnding', params: 'published' }],
          },
          {
            guard: ({ event }) => event.output.kind === 'delivered',
            target: '#job.closing',
            actions: ['recordSuccess', { type: 'setEnding', params: 'delivered' }],
          },
          {
            guard: 'canPostAgain',
            target: '#job.publishing.backingOff',
            actions: ['recordRejection', 'clearPost'],
          },
          {
            guard: ({ event }) => event.output.kind === 'rejected',
            target: '#job.closing',
            actions: ['recordRejection', { type: 'setEnding', params: 'failed' }],
          },
          {
            guard: ({ event }) => event.output.kind === 'lost',
            target: '#job.needsPerson',
            actions: assign(({ event }) =>
              event.output.kind === 'lost' ? { failure: event.output.failure } : {},
            ),
          },
          {
            guard: 'isWatchOver',
            target: '#job.needsPerson',
            actions: { type: 'setFailure', params: unconfirmed },
          },
          {
            guard: ({ event }) => event.output.kind === 'inModeration',
            target: 'inModeration',
            actions: ['recordSuccess', 'countPoll'],
          },
          { target: 'processing', actions: ['recordSuccess', 'countPoll'] },
        ],
        onError: [...onStepError('backingOff')],
      },
    },
    backingOff: { tags: 'waiting', after: { backoff: 'checking' } },
  },
})
