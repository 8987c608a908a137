import { adjustQuota } from '../../../commands/quota/adjust-quota.ts'
import { setQuotaLimit } from '../../../commands/quota/set-quota-limit.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import { builder } from '../builder.ts'
import { changedQuotaFields } from './quota.ts'
import { QuotaMetric, QuotaPeriod } from './quota-type.ts'

const LimitEnforcement = builder.enumType('QuotaLimitEnforcement', {
  description: 'What a limit does with what goes beyond it.',
  values: {
    HARD: { description: 'Refuses it.' },
    SOFT: { description: 'Lets it pass, and says so by an event.' },
  } as const,
})

defineMutation('setQuotaLimit', {
  description:
    'Sets how much of a metric may be used in a period. The present day or month follows at once; a first limit counts from now on. A metric may have one limit in each period, and all of them hold. A hard one below what is reserved and used is refused. Takes the admin scope.',
  scope: 'admin',
  input: {
    description: 'A limit to set, change or lift.',
    fields: (t) => ({
      metric: t.field({ type: QuotaMetric, required: true, description: 'What is limited.' }),
      period: t.field({ type: QuotaPeriod, required: true, description: 'In which period.' }),
      amount: t.field({
        type: 'SafeInt',
        description: 'How much may be used in it, at least 1; null, or left out, lifts the limit.',
      }),
      enforcement: t.field({
        type: LimitEnforcement,
        description: 'What happens beyond it; hard if left out.',
      }),
      windowSeconds: t.field({
        type: 'SafeInt',
        description: 'How long the window of a rolling period is. Of no other period.',
      }),
      reason: t.string({ description: 'Why, for whoever reads the ledger.' }),
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
  payload: { description: 'The quota under its new limit.', fields: (t) => changedQuotaFields(t) },
})

defineMutation('adjustQuota', {
  description:
    'Corrects what the present period allows, up or down, for what was granted by mistake or deserves more. What was reserved and used stays as it is, and is not gone below. Takes the admin scope.',
  scope: 'admin',
  input: {
    description: 'A correction, and why it is made.',
    fields: (t) => ({
      metric: t.field({ type: QuotaMetric, required: true, description: 'What is corrected.' }),
      period: t.field({
        type: QuotaPeriod,
        description: 'In which period: the present day or month of it. All time if left out.',
      }),
      amount: t.field({
        type: 'SafeInt',
        required: true,
        description: 'How much more may be used, or, below 0, how much less.',
      }),
      reason: t.string({ required: true, description: 'Why, for whoever reads the ledger.' }),
    }),
  },
  run: (tx, { metric, period, amount, reason }, { deps, viewer: { organizationId } }) =>
    adjustQuota(tx, deps, { organizationId, metric, period: period ?? 'total', amount, reason }),
  payload: { description: 'The quota after the correction.', fields: (t) => changedQuotaFields(t) },
})
