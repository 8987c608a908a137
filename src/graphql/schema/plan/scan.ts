import { scanOrganization } from '../../../commands/plan/scan.ts'
import { listDecisions, listScans } from '../../../store/plan/scans.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import { builder } from '../builder.ts'
import { connectionOf } from '../connection.ts'
import { ScanConnection, ScanDecisionConnection } from '../connection-type.ts'
import { QuotaShortage } from '../quota/quota-type.ts'
import { Scan, ScanDecision, Slot } from '../ref.ts'

const ScanReason = builder.enumType('ScanReason', {
  description: 'Why a scan was made.',
  values: {
    HOURLY: { value: 'hourly', description: 'The hour struck.' },
    BOOT: { value: 'boot', description: 'A worker started.' },
    APPROVAL: { value: 'approval', description: 'A plan was approved, unlocked or put on autopilot.' },
    REQUEST: { value: 'request', description: 'Somebody asked by `runScan`.' },
    ACCOUNT: { value: 'account', description: 'An account was connected, for the first time or again.' },
    QUOTA: { value: 'quota', description: 'More quota was granted, or a limit was changed.' },
  } as const,
})

const ScanOutcome = builder.enumType('ScanOutcome', {
  description: 'What a scan made of a slot, and why.',
  values: {
    ENQUEUED: { description: 'Its job was started.' },
    NOT_APPROVED: { description: 'Its plan is not approved.' },
    AUTOPILOT_OFF: { description: 'The autopilot of its plan is off.' },
    PLAN_LOCKED: { description: 'Its plan is locked.' },
    TOO_LATE: { description: 'Its time passed more than an hour ago.' },
    ACCOUNT_UNHEALTHY: { description: 'Its account has to be connected again.' },
    QUOTA_EXCEEDED: {
      value: 'QUOTA_EXCEEDED',
      description:
        'The quota had no room for it. It is considered again by every scan, and when more is granted.',
    },
  } as const,
})

ScanDecision.implement({
  description: 'What one scan made of one slot.',
  authScopes: { read: true },
  fields: (t) => ({
    outcome: t.expose('decision', { type: ScanOutcome, description: 'What was decided, and why.' }),
    quotaShortage: t.field({
      type: QuotaShortage,
      nullable: true,
      description: 'What was short, of `QUOTA_EXCEEDED`; null of every other decision.',
      resolve: ({ shortage }) =>
        shortage && {
          ...shortage,
          nextAvailableAt: shortage.nextAvailableAt === null ? null : new Date(shortage.nextAvailableAt),
        },
    }),
    slot: t.field({
      type: Slot,
      nullable: true,
      description: 'The slot.',
      resolve: ({ slotId }, _args, { load }) => load.slot.load(slotId),
    }),
    scan: t.field({
      type: Scan,
      nullable: true,
      description: 'The scan.',
      resolve: ({ scanId }, _args, { load }) => load.scan.load(scanId),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was decided.' }),
  }),
})

builder.node(Scan, {
  description:
    'A look for slots that fall due within 24 hours. It leaves a decision for each that it considered.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    reason: t.expose('reason', { type: ScanReason, description: 'Why it was made.' }),
    windowEndsAt: t.expose('windowEnd', {
      type: 'DateTime',
      description: 'Slots due before this were considered.',
    }),
    consideredSlotCount: t.exposeInt('considered', { description: 'How many slots it considered.' }),
    startedJobCount: t.exposeInt('startedJobs', { description: 'How many jobs it started.' }),
    decisions: t.connection(
      {
        type: ScanDecision,
        description: 'What it decided about each slot.',
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
      description: 'The scans, the newest first.',
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
  description: 'Scans at once instead of at the hour.',
  scope: 'write',
  input: { description: 'A scan to make.', fields: () => ({}) },
  run: async (tx, _input, { deps, viewer: { organizationId } }) => {
    const { scanId } = await scanOrganization(tx, deps, {
      organizationId,
      reason: 'request',
    })
    return { kind: 'done', scanId }
  },
  payload: {
    description: 'The scan that was made.',
    fields: (t) => ({
      scan: t.field({
        type: Scan,
        nullable: true,
        description: 'The scan.',
        resolve: ({ scanId }, _args, { load }) => load.scan.load(scanId),
      }),
    }),
  },
})
