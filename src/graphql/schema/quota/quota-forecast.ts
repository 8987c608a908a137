import {
  type ForecastPeriod,
  forecastQuota,
  type QuotaForecast as QuotaForecastRecord,
} from '../../../commands/quota/forecast-quota.ts'
import { readDatabaseTime } from '../../../store/database.ts'
import { builder } from '../builder.ts'
import { Plan } from '../ref.ts'
import { QuotaEnforcement, QuotaMetric, QuotaPeriod } from './quota-type.ts'

const dateOf = (text: string | null) => (text === null ? null : new Date(text))

const QuotaForecastPeriod = builder.objectRef<ForecastPeriod>('QuotaForecastPeriod').implement({
  description:
    'A day or a month, or all of a period that has no such parts, in which slots of the plan need quota.',
  authScopes: { read: true },
  fields: (t) => ({
    startsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it begins; null of all time and of a sliding window.',
      resolve: ({ startsAt }) => dateOf(startsAt),
    }),
    endsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it ends; null of all time and of a sliding window.',
      resolve: ({ endsAt }) => dateOf(endsAt),
    }),
    needed: t.expose('needed', { type: 'SafeInt', description: "How much the plan's slots will need." }),
    neededByOtherPlans: t.expose('neededByOtherPlans', {
      type: 'SafeInt',
      description: 'How much the slots of other plans will need, that run by themselves.',
    }),
    available: t.expose('available', {
      type: 'SafeInt',
      nullable: true,
      description: 'How much it has for all of them; null if it is not limited.',
    }),
  }),
})

export const QuotaForecast = builder.objectRef<QuotaForecastRecord>('QuotaForecast').implement({
  description:
    'What the quota of a metric will make of the slots of a plan that have no job yet: each asks for it a day before it is due, and again until then, in the order of all slots that are to run.',
  authScopes: { read: true },
  fields: (t) => ({
    metric: t.expose('metric', { type: QuotaMetric, description: 'What will be needed.' }),
    period: t.expose('period', { type: QuotaPeriod, description: 'In which period it is limited.' }),
    enforcement: t.expose('enforcement', {
      type: QuotaEnforcement,
      description: 'What happens beyond the limit.',
    }),
    needed: t.expose('needed', {
      type: 'SafeInt',
      description: "How much the plan's slots will need together.",
    }),
    available: t.expose('available', {
      type: 'SafeInt',
      nullable: true,
      description: 'How much is left now; null if it is not limited.',
    }),
    firstShortfallAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the first slot is due that will find no room; null if all find some.',
      resolve: ({ firstShortfallAt }) => dateOf(firstShortfallAt),
    }),
    shortfallSlotCount: t.exposeInt('shortfallSlotCount', {
      description: 'How many slots of the plan will find none.',
    }),
    message: t.exposeString('message', {
      description: 'All of it for people, such as "28 videos planned, 20 left: short from 14 March".',
    }),
    periods: t.field({
      type: [QuotaForecastPeriod],
      description: 'Day by day or month by month.',
      resolve: ({ periods }) => [...periods],
    }),
  }),
})

builder.objectField(Plan, 'quotaForecast', (t) =>
  t.field({
    type: [QuotaForecast],
    description: 'What the quotas will make of its slots that have no job yet, as things stand now.',
    resolve: async (plan, _args, { viewer, read }) => {
      const { organizationId } = viewer
      const forecast = await read(async (tx) =>
        forecastQuota(tx, { organizationId, planId: plan.id, at: await readDatabaseTime(tx) }),
      )
      return [...forecast]
    },
  }),
)
