import type { LimiterHealth } from '../../../rate-limit/limiter.ts'
import type { RateLimitSettings } from '../../../store/rate-limit/settings.ts'
import { listWindows } from '../../../tiktok-policy/list-windows.ts'
import type { Context } from '../../server/context.ts'
import { builder } from '../builder.ts'
import { RateLimitSetting, readSettings, settingsOf } from './rate-limit-setting.ts'
import { RateLimitWindow } from './rate-limit-window.ts'

const ApiKeyRateLimit = builder
  .objectRef<Pick<Context, 'charge' | 'apiBucket'>>('ApiKeyRateLimit')
  .implement({
    description:
      'What a key may ask of this API: every operation costs points, by its fields and the sizes of its pages. The headers `RateLimit-*` of each answer say the same.',
    authScopes: { read: true },
    fields: (t) => ({
      limit: t.int({
        description: 'The most that it can have.',
        resolve: ({ apiBucket }) => apiBucket.capacity,
      }),
      refillPerSecond: t.int({
        description: 'How many come back in a second.',
        resolve: ({ apiBucket }) => apiBucket.refillPerSecond,
      }),
      remaining: t.int({
        nullable: true,
        description: 'What is left after this very operation; null if it could not be counted.',
        resolve: ({ charge }) => charge?.remaining ?? null,
      }),
      resetsAt: t.field({
        type: 'DateTime',
        nullable: true,
        description:
          'When all are there again if nothing is asked meanwhile; null if it could not be counted.',
        resolve: ({ charge }) => charge && new Date(Date.now() + charge.resetSeconds * 1_000),
      }),
    }),
  })

const RateLimits = builder.objectRef<RateLimitSettings>('RateLimits').implement({
  description: 'The rates that hold for the organization, and for the key that asks.',
  authScopes: { read: true },
  fields: (t) => ({
    windows: t.field({
      type: [RateLimitWindow],
      description:
        "The limits of calls to TikTok: the organization's own, then those of its accounts that have been used.",
      resolve: async (settings, _args, { limiter, viewer }) => [
        ...(await listWindows(limiter, viewer.organizationId, settings)),
      ],
    }),
    settings: t.field({
      type: [RateLimitSetting],
      description: 'The limits that `setRateLimit` sets.',
      resolve: (settings) => [...settingsOf(settings)],
    }),
    apiKey: t.field({
      type: ApiKeyRateLimit,
      description: 'What the key that asks may ask for.',
      resolve: (_settings, _args, context) => context,
    }),
  }),
})

const Store = builder.enumType('RateLimitStoreKind', {
  description: 'Where limits may be kept.',
  values: {
    POSTGRES: { value: 'postgres', description: 'In the database, shared by all processes.' },
    REDIS: {
      value: 'redis',
      description: 'In Redis, shared by all processes; windows of a day are in the database all the same.',
    },
    MEMORY: {
      value: 'memory',
      description:
        'Redis is out of reach: each process keeps its share of every limit in its own memory, so that all together stay under it. Windows of a day are in the database.',
    },
    UNAVAILABLE: {
      value: 'none',
      description: 'That is being settled. What needs a limit comes again in a moment; nothing is lost.',
    },
  } as const,
})

const RateLimitStore = builder.objectRef<LimiterHealth>('RateLimitStore').implement({
  description: 'Where the limits of this installation are kept, as the process that answers knows it.',
  authScopes: { read: true },
  fields: (t) => ({
    kind: t.expose('store', { type: Store, description: 'Where.' }),
    changedAt: t.field({
      type: 'DateTime',
      description: 'Since when.',
      resolve: ({ since }) => new Date(since),
    }),
    reason: t.exposeString('reason', { description: 'Why there.' }),
    shareCount: t.exposeInt('shares', {
      description: 'Among how many processes each limit is divided; 1 where they share a store.',
    }),
  }),
})

builder.queryFields((t) => ({
  rateLimits: t.field({
    type: RateLimits,
    description: 'The rates that hold, how far they are used, and who waits for a turn.',
    authScopes: { read: true },
    resolve: (_root, _args, context) => readSettings(context),
  }),
  rateLimitStore: t.field({
    type: RateLimitStore,
    description: 'Where the limits are kept.',
    authScopes: { read: true },
    resolve: (_root, _args, { limiter }) => limiter.health(),
  }),
}))
