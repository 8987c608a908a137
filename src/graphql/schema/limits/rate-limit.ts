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
      'The cost budget of an API key. Each operation is charged by its fields and page sizes. The `RateLimit-*` headers of each response carry the same numbers.',
    authScopes: { read: true },
    fields: (t) => ({
      limit: t.int({
        description: 'The number of points of a full budget.',
        resolve: ({ apiBucket }) => apiBucket.capacity,
      }),
      refillPerSecond: t.int({
        description: 'The number of points that are restored per second.',
        resolve: ({ apiBucket }) => apiBucket.refillPerSecond,
      }),
      remaining: t.int({
        nullable: true,
        description: 'The number of points left after this operation; null if the limiter was unavailable.',
        resolve: ({ charge }) => charge?.remaining ?? null,
      }),
      resetsAt: t.field({
        type: 'DateTime',
        nullable: true,
        description:
          'When the budget is full again if no operation is sent; null if the limiter was unavailable.',
        resolve: ({ charge }) => charge && new Date(Date.now() + charge.resetSeconds * 1_000),
      }),
    }),
  })

const RateLimits = builder.objectRef<RateLimitSettings>('RateLimits').implement({
  description: 'The rate limits of the organization and of the API key of the request.',
  authScopes: { read: true },
  fields: (t) => ({
    windows: t.field({
      type: [RateLimitWindow],
      description:
        'The rate limits of calls to TikTok: those of the organization, then those of its accounts that were used.',
      resolve: async (settings, _args, { limiter, viewer }) => [
        ...(await listWindows(limiter, viewer.organizationId, settings)),
      ],
    }),
    settings: t.field({
      type: [RateLimitSetting],
      description: 'The limits that `setRateLimit` can change.',
      resolve: (settings) => [...settingsOf(settings)],
    }),
    apiKey: t.field({
      type: ApiKeyRateLimit,
      description: 'The cost budget of the API key of the request.',
      resolve: (_settings, _args, context) => context,
    }),
  }),
})

const Store = builder.enumType('RateLimitStoreKind', {
  description: 'Where rate limits are stored.',
  values: {
    POSTGRES: { value: 'postgres', description: 'In the database, shared by all processes.' },
    REDIS: {
      value: 'redis',
      description: 'In Redis, shared by all processes. Daily windows are stored in the database.',
    },
    MEMORY: {
      value: 'memory',
      description:
        'Redis is unavailable. Each process keeps its share of every limit in memory, so that all together stay within it. Daily windows are stored in the database.',
    },
    UNAVAILABLE: {
      value: 'none',
      description:
        'No store is ready. Work that needs a limit is retried within seconds and nothing is lost.',
    },
  } as const,
})

const RateLimitStore = builder.objectRef<LimiterHealth>('RateLimitStore').implement({
  description: 'Where this installation stores its rate limits, as seen by the process that answers.',
  authScopes: { read: true },
  fields: (t) => ({
    kind: t.expose('store', { type: Store, description: 'Where the limits are stored.' }),
    changedAt: t.field({
      type: 'DateTime',
      description: 'When the store last changed.',
      resolve: ({ since }) => new Date(since),
    }),
    reason: t.exposeString('reason', { description: 'Why this store is used.' }),
    shareCount: t.exposeInt('shares', {
      description: 'The number of processes among which each limit is divided; 1 if they share a store.',
    }),
  }),
})

builder.queryFields((t) => ({
  rateLimits: t.field({
    type: RateLimits,
    description: 'The rate limits, how far they are used, and what waits for them.',
    authScopes: { read: true },
    resolve: (_root, _args, context) => readSettings(context),
  }),
  rateLimitStore: t.field({
    type: RateLimitStore,
    description: 'Where the rate limits are stored.',
    authScopes: { read: true },
    resolve: (_root, _args, { limiter }) => limiter.health(),
  }),
}))
