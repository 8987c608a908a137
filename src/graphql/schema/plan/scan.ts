import { scanOrganization } from '../../../commands/plan/scan.ts'
import { listDecisions, listScans } from '../../../store/plan/scans.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import { builder } from '../builder.ts'
import { connectionOf } from '../connection.ts'
import { ScanConnection, ScanDecisionConnection } from '../connection-type.ts'
import { QuotaShortage } from '../quota/quota-type.ts'
import { Scan, ScanDecision, Slot } from '../ref.ts'

const ScanReason = builder.enumType('ScanReason', {
  description: 'Why a scan ran.',
  values: {
    HOURLY: { value: 'hourly', description: 'The hourly schedule.' },
    BOOT: { value: 'boot', description: 'A worker started.' },
    APPROVAL: { value: 'approval', description: 'A plan was approved, unlocked or set to autopilot.' },
    REQUEST: { value: 'request', description: 'A client called `runScan`.' },
    ACCOUNT: { value: 'account', description: 'An account was connected.' },
    QUOTA: { value: 'quota', description: 'Quota was granted, adjusted or limited differently.' },
  } as const,
})

const ScanOutcome = builder.enumType('ScanOutcome', {
  description: 'What a scan decided about a slot.',
  values: {
    ENQUEUED: { description: 'A job was started.' },
    NOT_APPROVED: { description: 'The plan is not approved.' },
    AUTOPILOT_OFF: { description: "The plan's autopilot is off." },
    PLAN_LOCKED: { description: 'The plan is locked.' },
    TOO_LATE: { description: "The slot's time passed more than an hour ago." },
    ACCOUNT_UNHEALTHY: { description: 'The account must be connected again.' },
    QUOTA_EXCEEDED: {
      value: 'QUOTA_EXCEEDED',
      description: 'The quota is exceeded. Later scans and grants try again.',
    },
  } as const,
})

ScanDecision.implement({
  description: 'The decision of one scan about one slot.',
  authScopes: { read: true },
  fields: (t) => ({
    outcome: t.expose('decision', { type: ScanOutcome, description: 'What was decided.' }),
    quotaShortage: t.field({
      type: QuotaShortage,
      nullable: true,
      description: 'The quota that was exceeded; null unless the outcome is QUOTA_EXCEEDED.',
      resolve: ({ shortage }) =>
        shortage && {
          ...shortage,
          nextAvailableAt: shortage.nextAvailableAt === null ? null : new Date(shortage.nextAvailableAt),
        },
    }),
    slot: t.field({
      type: Slot,
      nullable: true,
      description: 'The slot; null if it was removed.',
      resolve: ({ slotId }, _args, { load }) => load.slot.load(slotId),
    }),
    scan: t.field({
      type: Scan,
      nullable: true,
      description: 'The scan; null if it no longer exists.',
      resolve: ({ scanId }, _args, { load }) => load.scan.load(scanId),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the decision was made.' }),
  }),
})

builder.node(Scan, {
  description:
    'A scan for slots that are due within 24 hours. It starts jobs and records a decision for each slot that it considered.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    reason: t.expose('reason', { type: ScanReason, description: 'Why the scan ran.' }),
    windowEndsAt: t.expose('windowEnd', {
      type: 'DateTime',
      description: 'The end of the scanned interval: slots due before it were considered.',
    }),
    consideredSlotCount: t.exposeInt('considered', {
      description: 'The number of slots that were considered.',
    }),
    startedJobCount: t.exposeInt('startedJobs', { description: 'The number of jobs that were started.' }),
    decisions: t.connection(
      {
        type: ScanDecision,
        description: 'The decisions of the scan, one per considered slot.',
        resolve: ({ id }, args, { viewer, read }) =>
          connectionOf({ list: 'scanDecisions', of: id }, args, (page) =>
            read((tx) => listDecisions(tx, viewer.organizationId, { scanId: id }, page)),
          ),
      },
      ScanDecisionConnection,
    ),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
  }),
})

builder.queryField('scans', (t) =>
  t.connection(
    {
      type: Scan,
      description: 'The scans, newest first.',
      authScopes: { read: true },
      resolve: (_root, args, { viewer, read }) =>
        connectionOf({ list: 'scans', of: viewer.organizationId }, args, (page) =>
          read((tx) => listScans(tx, viewer.organizationId, page)),
        ),
    },
    ScanConnection,
  ),
)

defineMutation('runScan', {
  description:
    'Runs a scan now instead of at the next hour. It considers the next 500 due slots; if there are more, further scans follow at once.',
  scope: 'write',
  input: { description: 'Input of `runScan`.', fields: () => ({}) },
  run: async (tx, _input, { deps, viewer: { organizationId } }) => {
    const { scanId } = await scanOrganization(tx, deps, {
      organizationId,
      reason: 'request',
    })
    return { kind: 'done', scanId }
  },
  payload: {
    description: 'The result of `runScan`.',
    fields: (t) => ({
      scan: t.field({
        type: Scan,
        nullable: true,
        description: 'The scan; null if it no longer exists.',
        resolve: ({ scanId }, _args, { load }) => load.scan.load(scanId),
      }),
    }),
  },
})
