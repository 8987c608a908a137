import { auditQuota, type QuotaFinding as FindingRecord } from '../../../store/quota/audit.ts'
import { listQuotaEntries, type QuotaEntryRecord } from '../../../store/quota/quotas.ts'
import { builder } from '../builder.ts'
import { connectionOf } from '../connection.ts'
import { connectionTypes } from '../connection-type.ts'
import { Job } from '../ref.ts'
import { QuotaMetric, QuotaPeriod } from './quota-type.ts'

const EntryKind = builder.enumType('QuotaEntryKind', {
  description: 'The kind of a ledger entry.',
  values: {
    GRANT: { value: 'grant', description: 'Quota was granted.' },
    LIMIT: { value: 'limit', description: 'A period began under a limit, or a limit was changed.' },
    ADJUST: { value: 'adjust', description: 'The granted amount was adjusted.' },
    RESERVE: { value: 'reserve', description: 'A job reserved quota.' },
    COMMIT: { value: 'commit', description: 'A job used quota that it had reserved.' },
    RELEASE: { value: 'release', description: 'A job returned quota that it had reserved.' },
    USE: { value: 'use', description: 'Quota was used without a reservation.' },
    FREE: { value: 'free', description: 'What was used was freed again: stored files were removed.' },
  } as const,
})

const QuotaEntry = builder.objectRef<QuotaEntryRecord>('QuotaEntry').implement({
  description: 'An entry of the quota ledger. Entries are never changed.',
  authScopes: { read: true },
  fields: (t) => ({
    metric: t.expose('metric', { type: QuotaMetric, description: 'The metric of the entry.' }),
    period: t.expose('period', { type: QuotaPeriod, description: 'The period of the entry.' }),
    kind: t.expose('kind', { type: EntryKind, description: 'The kind of the entry.' }),
    amount: t.expose('amount', {
      type: 'SafeInt',
      description:
        'The amount. Negative only if a limit was lowered or the granted amount was adjusted downwards.',
    }),
    balance: t.expose('balance', {
      type: 'SafeInt',
      description:
        'The amount available after the entry, in the day, month or grant that it belongs to. Negative if a soft limit was exceeded.',
    }),
    job: t.field({
      type: Job,
      nullable: true,
      description: 'The job of the entry; null if there is none.',
      resolve: ({ jobId }, _args, { load }) => (jobId === null ? null : load.job.load(jobId)),
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why the entry was made; null if no reason was given.',
    }),
    periodStartsAt: t.expose('startsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the day, month or grant of the entry begins; null for all time.',
    }),
    periodEndsAt: t.expose('endsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the day, month or grant of the entry ends; null if it does not.',
    }),
    effectiveAt: t.expose('countedAt', {
      type: 'DateTime',
      description: 'When the entry counts. For COMMIT and RELEASE this is the time of the reservation.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the entry was made.' }),
  }),
})

const QuotaEntryConnection = connectionTypes(QuotaEntry, {
  connection: 'A page of ledger entries.',
  edge: 'A ledger entry and its cursor.',
})

const FindingCode = builder.enumType('QuotaFindingCode', {
  description: 'The kind of an inconsistency in the quota ledger.',
  values: {
    BALANCE_MISMATCH: { description: 'The granted amount is not the sum of available, reserved and used.' },
    SUM_MISMATCH: { description: 'A balance is not the sum of its entries.' },
    SETTLEMENT_MISMATCH: {
      description: 'A reservation was settled with another amount or in another balance.',
    },
    UNSETTLED_RESERVATION: { description: 'A job has ended without settling its reservation.' },
    MISSING_RESERVATION: { description: 'A job is running without a reservation.' },
    STORAGE_MISMATCH: { description: 'The stored bytes that were counted differ from the files in storage.' },
  } as const,
})

const QuotaFinding = builder.objectRef<FindingRecord>('QuotaFinding').implement({
  description: 'An inconsistency in the quota ledger.',
  authScopes: { read: true },
  fields: (t) => ({
    code: t.expose('code', { type: FindingCode, description: 'The kind of the inconsistency.' }),
    message: t.exposeString('message', { description: 'A description of the inconsistency.' }),
    metric: t.expose('metric', { type: QuotaMetric, description: 'The metric of the quota.' }),
    period: t.expose('period', { type: QuotaPeriod, description: 'The period of the quota.' }),
    periodStartsAt: t.expose('startsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the day, month or grant begins; null for all time.',
    }),
    job: t.field({
      type: Job,
      nullable: true,
      description: 'The job concerned; null if there is none.',
      resolve: ({ jobId }, _args, { load }) => (jobId === null ? null : load.job.load(jobId)),
    }),
    expected: t.expose('expected', { type: 'SafeInt', description: 'The expected amount.' }),
    actual: t.expose('found', { type: 'SafeInt', description: 'The actual amount.' }),
  }),
})

builder.queryFields((t) => ({
  quotaEntries: t.connection(
    {
      type: QuotaEntry,
      description: 'The entries of the quota ledger for a metric and a period, newest first.',
      authScopes: { read: true },
      args: {
        metric: t.arg({ type: QuotaMetric, required: true, description: 'The metric.' }),
        period: t.arg({ type: QuotaPeriod, description: 'The period. Default: TOTAL.' }),
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
      'An audit of the quota ledger: balances against entries, settlements against reservations, reservations against jobs, and bytes against files. Empty if everything is consistent.',
    authScopes: { read: true },
    resolve: async (_root, _args, { viewer, read }) => [
      ...(await read((tx) => auditQuota(tx, viewer.organizationId))),
    ],
  }),
}))
