import type { Metric, QuotaPeriod as Period } from '../../../store/quota/tables.ts'
import { builder } from '../builder.ts'

export const QuotaMetric = builder.enumType('QuotaMetric', {
  description: 'What a quota counts.',
  values: {
    VIDEOS: {
      value: 'videos',
      description: 'Generated videos. None can be generated before quota is granted or limited.',
    },
    SECONDS: {
      value: 'seconds',
      description:
        'Seconds of generated video; each video is rounded up. None can be generated before quota is granted or limited.',
    },
    UPLOADS: {
      value: 'uploads',
      description:
        'Videos that were uploaded to TikTok completely. Unlimited, but counted, until a limit is set.',
    },
    STORAGE_BYTES: {
      value: 'storageBytes',
      description: 'Bytes of finished videos in storage. Unlimited, but counted, until a limit is set.',
    },
    PROVIDER_SPEND: {
      value: 'providerSpend',
      description:
        'The price of calls to video providers, in millionths of a currency unit. Unlimited, but counted, until a limit is set.',
    },
  } as const,
})

export const QuotaPeriod = builder.enumType('QuotaPeriod', {
  description: 'The period of a quota.',
  values: {
    TOTAL: { value: 'total', description: 'All time: what is granted lasts until it is used.' },
    DAY: { value: 'day', description: "A day in the organization's time zone, from midnight to midnight." },
    MONTH: { value: 'month', description: "A calendar month in the organization's time zone." },
    ROLLING: { value: 'rolling', description: 'A sliding window of `windowSeconds` that ends now.' },
  } as const,
})

export const QuotaEnforcement = builder.enumType('QuotaEnforcement', {
  description: 'What happens when a quota is exceeded.',
  values: {
    HARD: { description: 'The job is refused.' },
    SOFT: { description: 'The job starts, and an event reports it.' },
    NONE: { description: 'There is no limit; usage is only counted.' },
  } as const,
})

/** What a refusal and a decision say of a quota that is short. */
export interface Shortage {
  readonly metric: Metric
  readonly period: Period
  readonly available: number
  readonly needed: number
  readonly nextAvailableAt: Date | null
}

export function shortageFields<Row extends Shortage>(
  t: PothosSchemaTypes.ObjectFieldBuilder<(typeof builder)['$inferSchemaTypes'], Row>,
) {
  return {
    metric: t.field({
      type: QuotaMetric,
      description: 'The metric that is exceeded.',
      resolve: ({ metric }) => metric,
    }),
    period: t.field({
      type: QuotaPeriod,
      description: 'The period of the quota.',
      resolve: ({ period }) => period,
    }),
    available: t.field({
      type: 'SafeInt',
      description: 'The amount that was available.',
      resolve: ({ available }) => available,
    }),
    needed: t.field({
      type: 'SafeInt',
      description: 'The amount that was needed.',
      resolve: ({ needed }) => needed,
    }),
    nextAvailableAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When more becomes available without a change; null if only a grant or another limit helps.',
      resolve: ({ nextAvailableAt }) => nextAvailableAt,
    }),
  }
}

export const QuotaShortage = builder.objectRef<Shortage>('QuotaShortage').implement({
  description: 'The quota that a slot exceeded, and by how much.',
  authScopes: { read: true },
  fields: (t) => shortageFields<Shortage>(t),
})
