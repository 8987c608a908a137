import type { NamedWindow } from '../../../tiktok-policy/list-windows.ts'
import { learnedForMs } from '../../../tiktok-policy/rate-limits.ts'
import { builder } from '../builder.ts'
import { Account, Job } from '../ref.ts'

const windowNames = {
  UPLOADS: {
    value: 'uploads',
    description: 'Posts and drafts that the organization opens at TikTok in a minute, over all accounts.',
  },
  READS: {
    value: 'reads',
    description:
      'What the organization asks TikTok in a minute, over all accounts: what became of posts, what creators allow, which videos there are.',
  },
  POSTS: {
    value: 'posts',
    description: 'Posts of one account in 24 hours. TikTok allows a creator so many; drafts do not count.',
  },
  INITS: { value: 'inits', description: 'Posts and drafts that are opened for one account in a minute.' },
  STATUS: {
    value: 'status',
    description: 'How often it is asked in a minute what became of the posts of one account.',
  },
  CREATOR_INFO: {
    value: 'creatorInfo',
    description: 'How often it is asked in a minute what the creator of one account allows.',
  },
} as const satisfies Record<string, { readonly value: NamedWindow['name']; readonly description: string }>

const WindowName = builder.enumType('RateLimitWindowName', {
  description: 'What a window counts.',
  values: windowNames,
})

const Origin = builder.enumType('RateLimitOrigin', {
  description: 'Whose word a limit is.',
  values: {
    DEFAULT: { value: 'default', description: 'Ours, as nothing else was set.' },
    CONFIGURED: { value: 'set', description: "The organization's, by `setRateLimit`." },
    LEARNED: {
      value: 'learned',
      description: "TikTok's, which has refused one more. It is believed for a week, then tried again.",
    },
    FIXED: { value: 'fixed', description: "TikTok's, as it documents it. It cannot be set." },
  } as const,
})

const RateLimitRequest = builder
  .objectRef<{ readonly requester: string; readonly at: number }>('RateLimitRequest')
  .implement({
    description: 'Somebody who has a place in line. It comes again by itself when its turn has come.',
    authScopes: { read: true },
    fields: (t) => ({
      expectedAt: t.field({
        type: 'DateTime',
        description: 'When its turn is.',
        resolve: ({ at }) => new Date(at),
      }),
      job: t.field({
        type: Job,
        nullable: true,
        description: 'The job that waits; null if it is none.',
        resolve: ({ requester }, _args, { load }) => load.job.load(requester),
      }),
      account: t.field({
        type: Account,
        nullable: true,
        description:
          'The account that waits, where it asks for itself and not for a job; null if it is none.',
        resolve: ({ requester }, _args, { load }) => load.account.load(requester),
      }),
    }),
  })

/** Who comes after these has a long time to wait. */
const mostWaitingShown = 20

export const RateLimitWindow = builder.objectRef<NamedWindow>('RateLimitWindow').implement({
  description:
    'At most so many calls to TikTok in any stretch of time. What would be one too many waits for its turn, and spends no attempt.',
  authScopes: { read: true },
  fields: (t) => ({
    name: t.expose('name', { type: WindowName, description: 'What it counts.' }),
    description: t.string({
      description: 'The same in words.',
      resolve: ({ name }) =>
        Object.values(windowNames).find(({ value }) => value === name)?.description ?? name,
    }),
    account: t.field({
      type: Account,
      nullable: true,
      description: "The account whose window it is; null if it is the whole organization's.",
      resolve: ({ accountId }, _args, { load }) => (accountId === null ? null : load.account.load(accountId)),
    }),
    limit: t.int({ description: 'How many calls it lets through.', resolve: ({ limit }) => limit.max }),
    origin: t.field({
      type: Origin,
      description: 'Whose word that is.',
      resolve: ({ limit }) => limit.origin,
    }),
    learnedUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until when a learned limit is believed; null of others.',
      resolve: ({ limit: { learnedAt } }) => learnedAt && new Date(learnedAt.getTime() + learnedForMs),
    }),
    windowSeconds: t.int({
      description: 'In a stretch of how many seconds.',
      resolve: ({ windowMs }) => windowMs / 1_000,
    }),
    used: t.int({
      nullable: true,
      description:
        'How many were let through in the stretch that ends now, counted some seconds longer for the way to TikTok. Null while no process knows it of all others: see `rateLimitStore`.',
      resolve: ({ usage }) => usage?.used ?? null,
    }),
    remaining: t.int({
      nullable: true,
      description: 'How many more it would let through; null while that is not known.',
      resolve: ({ usage, limit }) => (usage ? Math.max(0, limit.max - usage.used) : null),
    }),
    nextAvailableAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When it would be the turn of somebody who asks now. Null while that is not known: before its first use, and from a change of the limit to the use after it.',
      resolve: ({ usage }) => (usage?.nextFreeAt == null ? null : new Date(usage.nextFreeAt)),
    }),
    waitingCount: t.int({
      nullable: true,
      description: 'How many wait for their turn; null while that is not known.',
      resolve: ({ usage }) => usage?.waiting.length ?? null,
    }),
    waiting: t.field({
      type: [RateLimitRequest],
      description: `The first ${mostWaitingShown} of them, in order of time.`,
      resolve: ({ usage }) => usage?.waiting.slice(0, mostWaitingShown) ?? [],
    }),
  }),
})
