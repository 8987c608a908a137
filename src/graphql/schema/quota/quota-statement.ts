import { auditQuota, type QuotaFinding as FindingRecord } from '../../../store/quota/audit.ts'
import { listQuotaEntries, type QuotaEntryRecord } from '../../../store/quota/quotas.ts'
import { builder } from '../builder.ts'
import { connectionOf } from '../connection.ts'
import { connectionTypes } from '../connection-type.ts'
import { Job } from '../ref.ts'
import { QuotaMetric, QuotaPeriod } from './quota-type.ts'

const EntryKind = builder.enumType('QuotaEntryKind', {
  description: 'What an entry of the ledger does.',
  values: {
    GRANT: { value: 'grant', description: 'It was granted: there is more.' },
    LIMIT: { value: 'limit', description: 'A period began with it, or a limit was changed by it.' },
    ADJUST: { value: 'adjust', description: 'It was corrected by somebody.' },
    RESERVE: { value: 'reserve', description: 'A job has set it aside: there is less.' },
    COMMIT: { value: 'commit', description: 'The job has consumed what it had set aside.' },
    RELEASE: { value: 'release', description: 'The job has not, and gives it back: there is more.' },
    USE: { value: 'use', description: 'It was used without being set aside: there is less.' },
  } as const,
})

const QuotaEntry = builder.objectRef<QuotaEntryRecord>('QuotaEntry').implement({
  description: 'One line of the ledger. Lines are written once and never changed.',
  authScopes: { read: true },
  fields: (t) => ({
    metric: t.expose('metric', { type: QuotaMetric, description: 'What it counts.' }),
    period: t.expose('period', { type: QuotaPeriod, description: 'In which period.' }),
    kind: t.expose('kind', { type: EntryKind, description: 'What it does.' }),
    amount: t.expose('amount', {
      type: 'SafeInt',
      description: 'How much. Below 0 only where a limit was lowered, or something was corrected downwards.',
    }),
    balance: t.expose('balance', {
      type: 'SafeInt',
      description:
        'What was left after it, of the day, month or grant that it belongs to; below 0 where more was let pass.',
    }),
    job: t.field({
      type: Job,
      nullable: true,
      description: 'The job that it was for.',
      resolve: ({ jobId }, _args, { load }) => (jobId === null ? null : load.job.load(jobId)),
    }),
    reason: t.exposeString('reason', { nullable: true, description: 'Why, if somebody said.' }),
    periodStartsAt: t.expose('startsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the day, month or grant that it belongs to began.',
    }),
    periodEndsAt: t.expose('endsAt', { type: 'DateTime', nullable: true, description: 'When that ends.' }),
    effectiveAt: t.expose('countedAt', {
      type: 'DateTime',
      description: 'When it counts. Of what a job consumes or gives back: when it was set aside.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was written.' }),
  }),
})

const QuotaEntryConnection = connectionTypes(QuotaEntry, {
  connection: 'A page of the ledger.',
  edge: 'A line of the ledger in a list.',
})

const FindingCode = builder.enumType('QuotaFindingCode', {
  description: 'What kind of thing does not add up.',
  values: {
    BALANCE_MISMATCH: { description: 'Granted is not what is available, reserved and used.' },
    SUM_MISMATCH: { description: 'A sum is not that of its entries.' },
    SETTLEMENT_MISMATCH: { description: 'A reservation was settled by another amount, or elsewhere.' },
    UNSETTLED_RESERVATION: { description: 'A job has ended, and its reservation was not settled.' },
    MISSING_RESERVATION: { description: 'A job works for which nothing was reserved.' },
    STORAGE_MISMATCH: { description: 'The bytes counted are not those of the files that are kept.' },
  } as const,
})

const QuotaFinding = builder.objectRef<FindingRecord>('QuotaFinding').implement({
  description: 'Something in the ledger that does not add up.',
  authScopes: { read: true },
  fields: (t) => ({
    code: t.expose('code', { type: FindingCode, description: 'What kind of thing it is.' }),
    message: t.exposeString('message', { description: 'What does not add up, for people.' }),
    metric: t.expose('metric', { type: QuotaMetric, description: 'Of which metric.' }),
    period: t.expose('period', { type: QuotaPeriod, description: 'In which period.' }),
    periodStartsAt: t.expose('startsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the day, month or grant began.',
    }),
    job: t.field({
      type: Job,
      nullable: true,
      description: 'The job that it concerns.',
      resolve: ({ jobId }, _args, { load }) => (jobId === null ? null : load.job.load(jobId)),
    }),
    expected: t.expose('expected', { type: 'SafeInt', description: 'What it should be.' }),
    actual: t.expose('found', { type: 'SafeInt', description: 'What it is.' }),
  }),
})

builder.queryFields((t) => ({
  quotaEntries: t.connection(
    {
      type: QuotaEntry,
      description: 'Every entry of the ledger of a metric in a period, the newest first.',
      authScopes: { read: true },
      args: {
        metric: t.arg({ type: QuotaMetric, required: true, description: 'Of which metric.' }),
        period: t.arg({ type: QuotaPeriod, description: 'In which period; all time if left out.' }),
      },
      resolve: (_root, { metric, period, ...args }, { viewer, read }) =>
        connectionOf({ list: 'quotaEntries', of: viewer.organizationId }, args, (page) =>
          read((tx) =>
            listQuotaEntries(tx, viewer.organizationId, { metric, period: period ?? 'total' }, page),
          ),
        ),
    },
    QuotaEntryConnection,
  ),
  quotaAudit: t.field({
    type: [QuotaFinding],
    description:
      'Proves the ledger: every sum against its entries, every settlement against its reservation, reservations against jobs, bytes against files. Empty if all of it adds up.',
    authScopes: { read: true },
    resolve: async (_root, _args, { viewer, read }) => [
      ...(await read((tx) => auditQuota(tx, viewer.organizationId))),
    ],
  }),
}))
