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
  description: 'A limit that can be set.',
  values: {
    UPLOADS: {
      value: 'uploads',
      description: 'Posts and drafts that the organization opens at TikTok in a minute.',
    },
    READS: { value: 'reads', description: 'What the organization asks TikTok in a minute.' },
    POSTS: {
      value: 'posts',
      description: 'Posts of each account in 24 hours. What TikTok was found to allow holds if it is less.',
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
  description: 'A limit that the organization may set.',
  authScopes: { read: true },
  fields: (t) => ({
    name: t.expose('name', { type: RateLimitName, description: 'What it limits.' }),
    limit: t.exposeInt('max', { description: 'How much holds.' }),
    isDefault: t.boolean({
      description: 'Whether that is so because nothing else was set.',
      resolve: ({ origin }) => origin === 'default',
    }),
    defaultLimit: t.int({
      description: 'How much holds if nothing else is set.',
      resolve: ({ name }) => defaultLimits[name],
    }),
  }),
})

defineMutation('setRateLimit', {
  description:
    "Sets how fast the organization calls TikTok. Takes ten seconds at most to be known to all processes; TikTok's own limits hold besides. Takes the admin scope.",
  scope: 'admin',
  input: {
    description: 'A limit to set, or to let go back to its default.',
    fields: (t) => ({
      name: t.field({ type: RateLimitName, required: true, description: 'Which limit.' }),
      limit: t.int({
        description: 'How much, from 1 to 10,000; null, or left out, goes back to the default.',
      }),
    }),
  },
  run: (tx, { name, limit = null }, { viewer: { organizationId } }) =>
    setRateLimit(tx, { organizationId, name, most: limit }),
  payload: {
    description: 'The limit that was set.',
    fields: (t) => ({
      setting: t.field({
        type: RateLimitSetting,
        description: 'The limit as it is now.',
        resolve: async ({ name }, _args, context) => settingOf(name, await readSettings(context)),
      }),
    }),
  },
})
