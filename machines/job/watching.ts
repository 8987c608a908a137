import { assign } from 'xstate'
import { jobSetup, missing, ofSlot, postOf } from './setup.ts'
import { otherwise, postNews, tooLate } from './shared-transitions.ts'

export const unconfirmed = {
  verdict: 'OUTCOME_UNKNOWN',
  code: 'UNCONFIRMED',
  message:
    'TikTok has said nothing final for 72 hours. Look at the profile; retry to go on watching. It is never posted again.',
} as const

/**
 * All bytes are with TikTok. It is asked ever more rarely what became of them, and may tell by itself; both lead to the same
 * places. Nothing here can open a second post without TikTok's word that the first has failed.
 */
export const watching = jobSetup.createStateConfig({
  initial: 'accepted',
  on: { ...tooLate, ...postNews },
  states: {
    accepted: { tags: 'waiting', after: { postPoll: 'checking' } },
    processing: { tags: 'waiting', entry: assign({ stage: 'processing' }), after: { postPoll: 'checking' } },
    /** Posted, but a public post has no id before TikTok's moderators are through: mostly minutes, sometimes hours. */
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
          ...ofSlot(context),
          post: postOf(context),
          sentAt: context.sentAt ?? missing('time of sending'),
          polls: context.polls,
        }),
        onDone: [
          {
            guard: ({ event }) => event.output.kind === 'public',
            target: '#job.closing',
            actions: [
              'succeed',
              { type: 'end', params: 'published' },
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
            actions: ['succeed', 'keepPrivate', { type: 'end', params: 'published' }],
          },
          {
            guard: ({ event }) => event.output.kind === 'delivered',
            target: '#job.closing',
            actions: ['succeed', { type: 'end', params: 'delivered' }],
          },
          { guard: 'mayPostAgain', target: '#job.publishing.backingOff', actions: ['reject', 'forgetPost'] },
          {
            guard: ({ event }) => event.output.kind === 'rejected',
            target: '#job.closing',
            actions: ['reject', { type: 'end', params: 'failed' }],
          },
          {
            guard: ({ event }) => event.output.kind === 'lost',
            target: '#job.needsPerson',
            actions: assign(({ event }) =>
              event.output.kind === 'lost' ? { failure: event.output.failure } : {},
            ),
          },
          {
            guard: 'watchedEnough',
            target: '#job.needsPerson',
            actions: { type: 'fail', params: unconfirmed },
          },
          {
            guard: ({ event }) => event.output.kind === 'inModeration',
            target: 'inModeration',
            actions: ['succeed', 'countPoll'],
          },
          { target: 'processing', actions: ['succeed', 'countPoll'] },
        ],
        onError: [...otherwise('backingOff')],
      },
    },
    backingOff: { tags: 'waiting', after: { backoff: 'checking' } },
  },
})
