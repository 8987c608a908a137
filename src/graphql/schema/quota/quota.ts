import { grantQuota } from '../../../commands/quota/grant-quota.ts'
import { quotaMomentOf } from '../../../commands/quota/quota-period.ts'
import { readDatabaseTime } from '../../../store/database.ts'
import { listQuotas, type QuotaGrantRecord, type QuotaRecord } from '../../../store/quota/quotas.ts'
import type { Metric, QuotaPeriod as Period } from '../../../store/quota/tables.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import type { Context } from '../../server/context.ts'
import { builder, type PayloadBuilder } from '../builder.ts'
import { Quota } from '../ref.ts'
import { QuotaEnforcement, QuotaMetric, QuotaPeriod } from './quota-type.ts'

const QuotaGrant = builder.objectRef<QuotaGrantRecord>('QuotaGrant').implement({
  description:
    'A grant that begins or ends, or that adds to a shorter period. What ends first is used first; what is left in it when it ends is lost.',
  authScopes: { read: true },
  fields: (t) => ({
    amount: t.expose('amount', { type: 'SafeInt', description: 'How much was granted.' }),
    available: t.expose('available', { type: 'SafeInt', description: 'What is left in it.' }),
    reserved: t.expose('reserved', {
      type: 'SafeInt',
      description: 'What unfinished jobs have set aside of it.',
    }),
    used: t.expose('used', { type: 'SafeInt', description: 'What was used of it.' }),
    validFrom: t.expose('validFrom', {
      type: 'DateTime',
      nullable: true,
      description: 'From when on it counts; null if it always did.',
    }),
    validUntil: t.expose('validUntil', {
      type: 'DateTime',
      nullable: true,
      description: 'Until when it counts; null if it does not end.',
    }),
    isValid: t.exposeBoolean('isValid', { description: 'Whether it counts now.' }),
  }),
})

const isUnlimited = ({ enforcement }: QuotaRecord) => enforcement === 'NONE'

Quota.implement({
  description:
    'How much of a metric the organization may use in a period. Always granted = available + reserved + used; of what is unlimited nothing is available in numbers.',
  authScopes: { read: true },
  fields: (t) => ({
    metric: t.expose('metric', { type: QuotaMetric, description: 'What is counted.' }),
    period: t.expose('period', { type: QuotaPeriod, description: 'In which period.' }),
    windowSeconds: t.expose('windowSeconds', {
      type: 'SafeInt',
      nullable: true,
      description: 'Of a rolling period, how long its window is.',
    }),
    limit: t.expose('limit', {
      type: 'SafeInt',
      nullable: true,
      description: 'What was set as the limit; null if there are grants only, or neither.',
    }),
    enforcement: t.expose('enforcement', { type: QuotaEnforcement, description: 'What happens beyond it.' }),
    startsAt: t.expose('startsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the present day or month began.',
    }),
    resetsAt: t.expose('resetsAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When the present day or month ends; of a rolling period, when the first of what its window holds leaves it.',
    }),
    granted: t.expose('granted', {
      type: 'SafeInt',
      description:
        'What the limit and the grants that are valid allow together, and whatever was let pass beyond that.',
    }),
    isUnlimited: t.boolean({
      description: 'Whether it is only counted, and whatever is asked for may be reserved.',
      resolve: isUnlimited,
    }),
    available: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'What may still be reserved; null if it is unlimited.',
      resolve: (quota) => (isUnlimited(quota) ? null : quota.available),
    }),
    reserved: t.expose('reserved', { type: 'SafeInt', description: 'What unfinished jobs have set aside.' }),
    used: t.expose('used', { type: 'SafeInt', description: 'What was consumed.' }),
    grants: t.field({
      type: [QuotaGrant],
      description:
        'The grants with a validity of their own that have not ended, those that end first in front.',
      resolve: ({ grants }) => [...grants],
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
  }),
})

/** All quotas of the viewer, as of now. */
async function quotasOf({ viewer, read }: Context): Promise<readonly QuotaRecord[]> {
  const { organizationId } = viewer
  return await read(async (tx) =>
    listQuotas(tx, await quotaMomentOf(tx, { organizationId, at: await readDatabaseTime(tx) })),
  )
}

builder.queryField('quotas', (t) =>
  t.field({
    type: [Quota],
    description: 'The quotas, one for each metric and period that is limited, granted or counted.',
    authScopes: { read: true },
    resolve: async (_root, _args, context) => [...(await quotasOf(context))],
  }),
)

/** The quota that a mutation has changed. */
export function changedQuotaFields<Outcome extends { readonly metric: Metric; readonly period: Period }>(
  t: PayloadBuilder<Outcome>,
) {
  return {
    quota: t.field({
      type: Quota,
      nullable: true,
      description: 'The quota as it is now; null if nothing is limited, granted or counted any more.',
      resolve: async ({ metric, period }, _args, context) => {
        const quotas = await quotasOf(context)
        // An answer that was kept before there were periods names none.
        return quotas.find((quota) => quota.metric === metric && quota.period === (period ?? 'total'))
      },
    }),
  }
}

defineMutation('grantQuota', {
  description:
    'Grants quota. Jobs that wait for it go on, and a scan is made at once for the slots that it was short for. Takes the admin scope.',
  scope: 'admin',
  input: {
    description: 'How much of what to grant, and for how long.',
    fields: (t) => ({
      metric: t.field({ type: QuotaMetric, required: true, description: 'What is granted.' }),
      amount: t.field({ type: 'SafeInt', required: true, description: 'How much more, at least 1.' }),
      period: t.field({
        type: QuotaPeriod,
        description: 'Which period it adds to, once; all time if left out. A shorter one must be limited.',
      }),
      validFrom: t.field({ type: 'DateTime', description: 'From when on it counts; at once if left out.' }),
      validUntil: t.field({ type: 'DateTime', description: 'Until when it counts; for ever if left out.' }),
      reason: t.string({ description: 'Why, for whoever reads the ledger.' }),
    }),
  },
  run: (tx, input, { deps, viewer: { organizationId } }) =>
    grantQuota(tx, deps, {
      organizationId,
      metric: input.metric,
      amount: input.amount,
      period: input.period ?? 'total',
      validFrom: input.validFrom ?? null,
      validUntil: input.validUntil ?? null,
      reason: input.reason ?? null,
    }),
  payload: { description: 'The quota after the grant.', fields: (t) => changedQuotaFields(t) },
})
