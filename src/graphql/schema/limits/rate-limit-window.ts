import type { NamedWindow } from '../../../tiktok-policy/list-windows.ts'
import { learnedForMs } from '../../../tiktok-policy/rate-limits.ts'
import { builder } from '../builder.ts'
import { Account, Job } from '../ref.ts'

const windowNames = {
  UPLOADS: {
    value: 'uploads',
    description: 'Posts and drafts that the organization opens at TikTok per minute, over all accounts.',
  },
  READS: {
    value: 'reads',
    description:
      'Read calls of the organization to TikTok per minute, over all accounts: post statuses, creator settings and video lists.',
  },
  POSTS: {
    value: 'posts',
    description: 'Posts of one account in 24 hours, which TikTok caps. Drafts do not count.',
  },
  INITS: { value: 'inits', description: 'Posts and drafts opened for one account per minute.' },
  STATUS: {
    value: 'status',
    description: 'Status calls for the posts of one account per minute.',
  },
  CREATOR_INFO: {
    value: 'creatorInfo',
    description: 'Calls for the creator settings of one account per minute.',
  },
} as const satisfies Record<string, { readonly value: NamedWindow['name']; readonly description: string }>

const WindowName = builder.enumType('RateLimitWindowName', {
  description: 'What a rate limit window counts.',
  values: windowNames,
})

const Origin = builder.enumType('RateLimitOrigin', {
  description: 'The origin of a limit.',
  values: {
    DEFAULT: { value: 'default', description: 'The default; no other limit was set.' },
    CONFIGURED: { value: 'set', description: 'Set by `setRateLimit`.' },
    LEARNED: {
      value: 'learned',
      description:
        'TikTok refused a call below the configured limit. The learned limit applies for a week, then the configured one is tried again.',
    },
    FIXED: { value: 'fixed', description: 'Documented by TikTok. It cannot be changed.' },
  } as const,
})

const RateLimitRequest = builder
  .objectRef<{ readonly requester: string; readonly at: number }>('RateLimitRequest')
  .implement({
    description:
      'A call that waits for a rate limit and has a reserved time. It is made automatically at that time.',
    authScopes: { read: true },
    fields: (t) => ({
      expectedAt: t.field({
        type: 'DateTime',
        description: 'When the call is expected to be made.',
        resolve: ({ at }) => new Date(at),
      }),
      job: t.field({
        type: Job,
        nullable: true,
        description: 'The job that waits; null if it is an account.',
        resolve: ({ requester }, _args, { load }) => load.job.load(requester),
      }),
      account: t.field({
        type: Account,
        nullable: true,
        description: 'The account that waits for a call of its own; null if it is a job.',
        resolve: ({ requester }, _args, { load }) => load.account.load(requester),
      }),
    }),
  })

/** Maximum number of waiting calls in the list; later ones wait long. */
const maxListedWaiting = 20

export const RateLimitWindow = builder.objectRef<NamedWindow>('RateLimitWindow').implement({
  description:
    'A limit on calls to TikTok in any interval of a fixed length. A call beyond the limit waits and consumes no attempt.',
  authScopes: { read: true },
  fields: (t) => ({
    name: t.expose('name', { type: WindowName, description: 'What the window counts.' }),
    description: t.string({
      description: 'What the window counts, in words.',
      resolve: ({ name }) =>
        Object.values(windowNames).find(({ value }) => value === name)?.description ?? name,
    }),
    account: t.field({
      type: Account,
      nullable: true,
      description: 'The account whose calls are counted; null for a window of the whole organization.',
      resolve: ({ accountId }, _args, { load }) => (accountId === null ? null : load.account.load(accountId)),
    }),
    limit: t.int({
      description: 'The maximum number of calls in the window.',
      resolve: ({ limit }) => limit.max,
    }),
    origin: t.field({
      type: Origin,
      description: 'The origin of the limit.',
      resolve: ({ limit }) => limit.origin,
    }),
    learnedUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When a learned limit expires; null for other limits.',
      resolve: ({ limit: { learnedAt } }) => learnedAt && new Date(learnedAt.getTime() + learnedForMs),
    }),
    windowSeconds: t.int({
      description: 'The length of the window, in seconds.',
      resolve: ({ windowMs }) => windowMs / 1_000,
    }),
    used: t.int({
      nullable: true,
      description:
        'The number of calls in the current window, which includes a margin of some seconds for network latency. Null while no shared store is available; see `rateLimitStore`.',
      resolve: ({ usage }) => usage?.used ?? null,
    }),
    remaining: t.int({
      nullable: true,
      description: 'The number of calls that are still allowed now; null while it is unknown.',
      resolve: ({ usage, limit }) => (usage ? Math.max(0, limit.max - usage.used) : null),
    }),
    nextAvailableAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When a new call could be made. Null while it is unknown: before the first call, and after a change of the limit until the next call.',
      resolve: ({ usage }) => (usage?.nextFreeAt == null ? null : new Date(usage.nextFreeAt)),
    }),
    waitingCount: t.int({
      nullable: true,
      description: 'The number of calls that wait; null while it is unknown.',
      resolve: ({ usage }) => usage?.waiting.length ?? null,
    }),
    waiting: t.field({
      type: [RateLimitRequest],
      description: `The first ${maxListedWaiting} waiting calls, by expected time.`,
      resolve: ({ usage }) => usage?.waiting.slice(0, maxListedWaiting) ?? [],
    }),
  }),
})
