import { setRateLimit } from '../../../commands/limits/set-rate-limit.ts'
import {
  type RateLimitName as Name,
  type RateLimitSettings,
  readRateLimitSettings,
} from '../../../store/rate-limit/settings.ts'
import {
  defaultLimits,
  effectiveLimit,
  type Limit,
  learnedForMs,
} from '../../../tiktok-policy/rate-limits.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import type { Context } from '../../server/context.ts'
import { builder } from '../builder.ts'

const RateLimitName = builder.enumType('RateLimitName', {
  description: 'A rate limit that `setRateLimit` can change.',
  values: {
    UPLOADS: {
      value: 'uploads',
      description: 'Posts and drafts that the organization opens at TikTok per minute.',
    },
    READS: { value: 'reads', description: 'Read calls of the organization to TikTok per minute.' },
    POSTS: {
      value: 'posts',
      description: 'Posts of each account in 24 hours. A lower cap learned from TikTok takes precedence.',
    },
  } as const,
})

interface Setting extends Limit {
  readonly name: Name
}

/** What the organization has set, and what was learned, as it is in the database now. */
export function readSettings({ viewer, read }: Context): Promise<RateLimitSettings> {
  const learnedAfter = new Date(Date.now() - learnedForMs)
  return read((tx) => readRateLimitSettings(tx, viewer.organizationId, learnedAfter))
}

const settingOf = (name: Name, settings: RateLimitSettings): Setting => ({
  name,
  ...effectiveLimit(name, settings),
})

export function settingsOf(settings: RateLimitSettings): readonly Setting[] {
  const names = ['uploads', 'reads', 'posts'] as const
  return names.map((name) => settingOf(name, settings))
}

export const RateLimitSetting = builder.objectRef<Setting>('RateLimitSetting').implement({
  description: 'A rate limit that `setRateLimit` can change.',
  authScopes: { read: true },
  fields: (t) => ({
    name: t.expose('name', { type: RateLimitName, description: 'The name of the limit.' }),
    limit: t.exposeInt('max', { description: 'The limit in effect.' }),
    isDefault: t.boolean({
      description: 'Whether the default is in effect because no other limit was set.',
      resolve: ({ origin }) => origin === 'default',
    }),
    defaultLimit: t.int({
      description: 'The default limit.',
      resolve: ({ name }) => defaultLimits[name],
    }),
  }),
})

defineMutation('setRateLimit', {
  description:
    "Sets a rate limit of the organization's calls to TikTok. All processes apply it within ten seconds. TikTok's own limits apply as well. Requires the admin scope.",
  scope: 'admin',
  input: {
    description: 'Input of `setRateLimit`.',
    fields: (t) => ({
      name: t.field({ type: RateLimitName, required: true, description: 'The limit to set.' }),
      limit: t.int({
        description: 'The new limit, 1 to 10,000. Null or omitted restores the default.',
      }),
    }),
  },
  run: (tx, { name, limit = null }, { viewer: { organizationId } }) =>
    setRateLimit(tx, { organizationId, name, limit }),
  payload: {
    description: 'The result of `setRateLimit`.',
    fields: (t) => ({
      setting: t.field({
        type: RateLimitSetting,
        description: 'The limit after the mutation.',
        resolve: async ({ name }, _args, context) => settingOf(name, await readSettings(context)),
      }),
    }),
  },
})
