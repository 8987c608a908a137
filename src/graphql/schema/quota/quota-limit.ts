import { adjustQuota } from '../../../commands/quota/adjust-quota.ts'
import { setQuotaLimit } from '../../../commands/quota/set-quota-limit.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import { builder } from '../builder.ts'
import { changedQuotaFields } from './quota.ts'
import { QuotaMetric, QuotaPeriod } from './quota-type.ts'

const LimitEnforcement = builder.enumType('QuotaLimitEnforcement', {
  description: 'What a limit does when it is exceeded.',
  values: {
    HARD: { description: 'The job is refused.' },
    SOFT: { description: 'The job starts, and an event reports it.' },
  } as const,
})

defineMutation('setQuotaLimit', {
  description:
    'Sets, changes or removes the limit of a metric in a period. The current day or month adopts it at once; a first limit counts from now on. A metric may have one limit per period, and all of them apply. Fails with INVALID_INPUT if a hard limit is below what is reserved and used. Requires the admin scope.',
  scope: 'admin',
  input: {
    description: 'Input of `setQuotaLimit`.',
    fields: (t) => ({
      metric: t.field({ type: QuotaMetric, required: true, description: 'The metric to limit.' }),
      period: t.field({
        type: QuotaPeriod,
        required: true,
        description: 'The period to limit.',
      }),
      amount: t.field({
        type: 'SafeInt',
        description:
          'The amount that may be used in the period, at least 1. Null or omitted removes the limit.',
      }),
      enforcement: t.field({
        type: LimitEnforcement,
        description: 'What happens when the limit is exceeded. Default: HARD.',
      }),
      windowSeconds: t.field({
        type: 'SafeInt',
        description:
          'The length of the window of a rolling period, in seconds. Only allowed for ROLLING, and required there.',
      }),
      reason: t.string({ description: 'Why the limit is set; shown in the ledger.' }),
    }),
  },
  run: (tx, input, { deps, viewer: { organizationId } }) =>
    setQuotaLimit(tx, deps, {
      organizationId,
      metric: input.metric,
      period: input.period,
      amount: input.amount ?? null,
      isHard: input.enforcement !== 'SOFT',
      windowSeconds: input.windowSeconds ?? null,
      reason: input.reason ?? null,
    }),
  payload: { description: 'The result of `setQuotaLimit`.', fields: (t) => changedQuotaFields(t) },
})

defineMutation('adjustQuota', {
  description:
    'Adjusts the granted amount of the current period up or down, for example after a mistaken grant. It cannot fall below what is reserved and used. Requires the admin scope.',
  scope: 'admin',
  input: {
    description: 'Input of `adjustQuota`.',
    fields: (t) => ({
      metric: t.field({ type: QuotaMetric, required: true, description: 'The metric to adjust.' }),
      period: t.field({
        type: QuotaPeriod,
        description: 'The period to adjust: its current day or month. Default: TOTAL.',
      }),
      amount: t.field({
        type: 'SafeInt',
        required: true,
        description: 'The amount to add; negative to subtract.',
      }),
      reason: t.string({ required: true, description: 'Why the quota is adjusted; shown in the ledger.' }),
    }),
  },
  run: (tx, { metric, period, amount, reason }, { deps, viewer: { organizationId } }) =>
    adjustQuota(tx, deps, { organizationId, metric, period: period ?? 'total', amount, reason }),
  payload: { description: 'The result of `adjustQuota`.', fields: (t) => changedQuotaFields(t) },
})
