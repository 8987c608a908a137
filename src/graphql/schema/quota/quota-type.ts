import type { Metric, QuotaPeriod as Period } from '../../../store/quota/tables.ts'
import { builder } from '../builder.ts'

export const QuotaMetric = builder.enumType('QuotaMetric', {
  description: 'What is counted.',
  values: {
    VIDEOS: {
      value: 'videos',
      description: 'Videos generated. Nothing can be used before some was granted.',
    },
    SECONDS: {
      value: 'seconds',
      description:
        'Seconds of video generated, each video rounded up. Nothing can be used before some was granted.',
    },
    UPLOADS: {
      value: 'uploads',
      description: 'Videos that TikTok has taken in whole. Unlimited, but counted, until it is limited.',
    },
    STORAGE_BYTES: {
      value: 'storageBytes',
      description: 'Bytes of finished videos that are kept now. Unlimited, but counted, until it is limited.',
    },
    PROVIDER_SPEND: {
      value: 'providerSpend',
      description:
        'What video providers have asked for, in millionths of a currency unit. Unlimited, but counted, until it is limited.',
    },
  } as const,
})

export const QuotaPeriod = builder.enumType('QuotaPeriod', {
  description: 'What time a limit is for.',
  values: {
    TOTAL: { value: 'total', description: 'All time: what is granted, until it is used up.' },
    DAY: { value: 'day', description: "A day of the organization's own zone, from midnight to midnight." },
    MONTH: { value: 'month', description: "A month of the organization's own zone." },
    ROLLING: { value: 'rolling', description: 'The seconds just past, as many as the limit says.' },
  } as const,
})

export const QuotaEnforcement = builder.enumType('QuotaEnforcement', {
  description: 'What happens beyond a limit.',
  values: {
    HARD: { description: 'It is refused.' },
    SOFT: { description: 'It passes, and an event says so.' },
    NONE: { description: 'There is no limit: it is only counted.' },
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
      description: 'What is short.',
      resolve: ({ metric }) => metric,
    }),
    period: t.field({
      type: QuotaPeriod,
      description: 'In which period.',
      resolve: ({ period }) => period,
    }),
    available: t.field({
      type: 'SafeInt',
      description: 'What was left.',
      resolve: ({ available }) => available,
    }),
    needed: t.field({ type: 'SafeInt', description: 'What was needed.', resolve: ({ needed }) => needed }),
    nextAvailableAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When more comes by itself; null if only a grant or another limit helps.',
      resolve: ({ nextAvailableAt }) => nextAvailableAt,
    }),
  }
}

export const QuotaShortage = builder.objectRef<Shortage>('QuotaShortage').implement({
  description: 'How much was short of what.',
  authScopes: { read: true },
  fields: (t) => shortageFields<Shortage>(t),
})
