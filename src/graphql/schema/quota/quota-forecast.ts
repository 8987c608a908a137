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
  description: 'A day, a month, or a whole period without such parts, in which slots of the plan need quota.',
  authScopes: { read: true },
  fields: (t) => ({
    startsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the period begins; null for all time and for rolling periods.',
      resolve: ({ startsAt }) => dateOf(startsAt),
    }),
    endsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the period ends; null for all time and for rolling periods.',
      resolve: ({ endsAt }) => dateOf(endsAt),
    }),
    needed: t.expose('needed', {
      type: 'SafeInt',
      description: 'The amount that the slots of the plan need.',
    }),
    neededByOtherPlans: t.expose('neededByOtherPlans', {
      type: 'SafeInt',
      description: 'The amount that the slots of other plans on autopilot need.',
    }),
    available: t.expose('available', {
      type: 'SafeInt',
      nullable: true,
      description: 'The amount available to all plans; null if it is unlimited.',
    }),
  }),
})

export const QuotaForecast = builder.objectRef<QuotaForecastRecord>('QuotaForecast').implement({
  description:
    'A forecast of one quota for the slots of a plan that have no job yet. It assumes that slots reserve quota in order of their time, at most a day before they are due.',
  authScopes: { read: true },
  fields: (t) => ({
    metric: t.expose('metric', { type: QuotaMetric, description: 'The metric that is needed.' }),
    period: t.expose('period', { type: QuotaPeriod, description: 'The period of the quota.' }),
    enforcement: t.expose('enforcement', {
      type: QuotaEnforcement,
      description: 'What happens when the quota is exceeded.',
    }),
    needed: t.expose('needed', {
      type: 'SafeInt',
      description: 'The amount that the slots of the plan need in total.',
    }),
    available: t.expose('available', {
      type: 'SafeInt',
      nullable: true,
      description: 'The amount that is available now; null if it is unlimited.',
    }),
    firstShortfallAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the first slot is due that will not get its quota; null if all slots get it.',
      resolve: ({ firstShortfallAt }) => dateOf(firstShortfallAt),
    }),
    shortfallSlotCount: t.exposeInt('shortfallSlotCount', {
      description: 'The number of slots of the plan that will not get their quota.',
    }),
    message: t.exposeString('message', {
      description: 'The forecast in words, such as "28 videos planned, 20 left: short from 14 March".',
    }),
    periods: t.field({
      type: [QuotaForecastPeriod],
      description: 'The forecast by day or month.',
      resolve: ({ periods }) => [...periods],
    }),
  }),
})

builder.objectField(Plan, 'quotaForecast', (t) =>
  t.field({
    type: [QuotaForecast],
    description: 'The quota forecast for the slots of the plan that have no job yet.',
    resolve: async (plan, _args, { viewer, read }) => {
      const { organizationId } = viewer
      const forecast = await read(async (tx) =>
        forecastQuota(tx, { organizationId, planId: plan.id, at: await readDatabaseTime(tx) }),
      )
      return [...forecast]
    },
  }),
)
