import { grantQuota } from '../commands/grant-quota.ts'
import { listQuotas } from '../store/quota-store.ts'
import { builder } from './builder.ts'
import { idempotencyKey } from './idempotency-key.ts'
import { mutate, refusals } from './mutate.ts'
import { Quota } from './ref.ts'

const Metric = builder.enumType('QuotaMetric', {
  description: 'What is counted.',
  values: {
    VIDEOS: { value: 'videos', description: 'Videos generated.' },
    SECONDS: { value: 'seconds', description: 'Seconds of video generated, each video rounded up.' },
  } as const,
})

Quota.implement({
  description: 'How much of a metric the organization may use. Always granted = available + reserved + used.',
  authScopes: { read: true },
  fields: (t) => ({
    metric: t.expose('metric', { type: Metric, description: 'What is counted.' }),
    granted: t.expose('granted', { type: 'SafeInt', description: 'All that was ever granted.' }),
    available: t.expose('available', { type: 'SafeInt', description: 'What may still be reserved.' }),
    reserved: t.expose('reserved', { type: 'SafeInt', description: 'What unfinished jobs have set aside.' }),
    used: t.expose('used', { type: 'SafeInt', description: 'What finished jobs have used.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
  }),
})

builder.queryField('quotas', (t) =>
  t.field({
    type: [Quota],
    description: 'The quotas, one for each metric of which anything was granted.',
    authScopes: { read: true },
    resolve: async (_root, _args, { viewer, read }) => [
      ...(await read((tx) => listQuotas(tx, viewer.organizationId))),
    ],
  }),
)

builder.relayMutationField(
  'grantQuota',
  {
    description: 'How much of what to grant.',
    inputFields: (t) => ({
      metric: t.field({ type: Metric, required: true, description: 'What is granted.' }),
      amount: t.field({ type: 'SafeInt', required: true, description: 'How much more, at least 1.' }),
      reason: t.string({ description: 'Why, for whoever reads the ledger.' }),
      idempotencyKey: idempotencyKey(t),
    }),
  },
  {
    description: 'Grants quota, and wakes the jobs that wait for it. Takes the admin scope.',
    authScopes: { admin: true },
    errors: { types: [...refusals] },
    resolve: (_root, { input }, context, info) => {
      const { organizationId } = context.viewer
      const { metric, amount, reason } = input
      return mutate(context, info, input, (tx) =>
        grantQuota(tx, context.deps, { organizationId, metric, amount, reason: reason ?? null }),
      )
    },
  },
  {
    description: 'The quota after the grant.',
    authScopes: { read: true },
    outputFields: (t) => ({
      quota: t.field({
        type: Quota,
        nullable: true,
        description: 'The quota as it is now.',
        resolve: async ({ metric }, _args, { viewer, read }) => {
          const quotas = await read((tx) => listQuotas(tx, viewer.organizationId))
          return quotas.find((quota) => quota.metric === metric)
        },
      }),
    }),
  },
)
