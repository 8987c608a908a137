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
    'A grant with a validity period, or one that adds to a limited period. Grants that expire first are used first. What is unused at expiry is lost.',
  authScopes: { read: true },
  fields: (t) => ({
    amount: t.expose('amount', { type: 'SafeInt', description: 'The amount that was granted.' }),
    available: t.expose('available', {
      type: 'SafeInt',
      description: 'The amount of the grant that is available.',
    }),
    reserved: t.expose('reserved', {
      type: 'SafeInt',
      description: 'The amount of the grant that unfinished jobs have reserved.',
    }),
    used: t.expose('used', { type: 'SafeInt', description: 'The amount of the grant that was used.' }),
    validFrom: t.expose('validFrom', {
      type: 'DateTime',
      nullable: true,
      description: 'When the grant becomes valid; null if it always was.',
    }),
    validUntil: t.expose('validUntil', {
      type: 'DateTime',
      nullable: true,
      description: 'When the grant expires; null if it does not.',
    }),
    isValid: t.exposeBoolean('isValid', { description: 'Whether the grant is valid now.' }),
  }),
})

const isUnlimited = ({ enforcement }: QuotaRecord) => enforcement === 'NONE'

Quota.implement({
  description:
    'The quota of one metric in one period. `granted = available + reserved + used` always holds; for an unlimited metric `available` is null and counts as 0.',
  authScopes: { read: true },
  fields: (t) => ({
    metric: t.expose('metric', { type: QuotaMetric, description: 'What the quota counts.' }),
    period: t.expose('period', { type: QuotaPeriod, description: 'The period of the quota.' }),
    windowSeconds: t.expose('windowSeconds', {
      type: 'SafeInt',
      nullable: true,
      description: 'The length of the window of a rolling period, in seconds; null for other periods.',
    }),
    limit: t.expose('limit', {
      type: 'SafeInt',
      nullable: true,
      description: 'The limit that was set; null if there is none.',
    }),
    enforcement: t.expose('enforcement', {
      type: QuotaEnforcement,
      description: 'What happens when the quota is exceeded.',
    }),
    startsAt: t.expose('startsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the current day or month began; null for other periods.',
    }),
    resetsAt: t.expose('resetsAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When the current day or month ends. For a rolling period, when its oldest usage leaves the window. Null for all time.',
    }),
    granted: t.expose('granted', {
      type: 'SafeInt',
      description:
        'The amount that the limit and the valid grants allow, plus what a soft limit allowed beyond them.',
    }),
    isUnlimited: t.boolean({
      description: 'Whether usage is only counted and never refused.',
      resolve: isUnlimited,
    }),
    available: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'The amount that can be reserved now; null if it is unlimited.',
      resolve: (quota) => (isUnlimited(quota) ? null : quota.available),
    }),
    reserved: t.expose('reserved', {
      type: 'SafeInt',
      description: 'The amount that unfinished jobs have reserved.',
    }),
    used: t.expose('used', { type: 'SafeInt', description: 'The amount that was used.' }),
    grants: t.field({
      type: [QuotaGrant],
      description:
        'The grants with a validity period that have not expired, those that expire first before others.',
      resolve: ({ grants }) => [...grants],
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When the quota last changed.' }),
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
    description: 'The quotas: one for each metric and period that is limited, granted or counted.',
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
      description:
        'The quota after the mutation; null if the metric is no longer limited, granted or counted in this period.',
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
    'Grants quota. Jobs that wait for it continue, and a scan starts jobs for slots that were short of it. Requires the admin scope.',
  scope: 'admin',
  input: {
    description: 'Input of `grantQuota`.',
    fields: (t) => ({
      metric: t.field({ type: QuotaMetric, required: true, description: 'The metric to grant.' }),
      amount: t.field({ type: 'SafeInt', required: true, description: 'The amount to grant, at least 1.' }),
      period: t.field({
        type: QuotaPeriod,
        description:
          'The period that the grant adds to, once. Default: TOTAL. A shorter period must have a limit.',
      }),
      validFrom: t.field({
        type: 'DateTime',
        description: 'When the grant becomes valid. Default: at once.',
      }),
      validUntil: t.field({ type: 'DateTime', description: 'When the grant expires. Default: never.' }),
      reason: t.string({ description: 'Why the quota is granted; shown in the ledger.' }),
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
  payload: { description: 'The result of `grantQuota`.', fields: (t) => changedQuotaFields(t) },
})
