import { type EventRecord, listEvents, readHead } from '../../store/event/read.ts'
import { builder } from '../schema/builder.ts'
import { numberedConnectionOf } from '../schema/connection.ts'
import { EventConnection } from '../schema/connection-type.ts'
import { Account, Event, Job, Plan, Slot } from '../schema/ref.ts'

Event.implement({
  description:
    'Something that happened. The events of an organization are numbered 1, 2, 3 … without a gap; whoever knows the number of the last one seen can go on from there.',
  authScopes: { read: true },
  fields: (t) => ({
    sequence: t.expose('sequence', { type: 'SafeInt', description: 'Its number.' }),
    type: t.exposeString('type', {
      description: 'What happened, such as `job.transitioned`, `account.transitioned` or `plan.approved`.',
    }),
    occurredAt: t.expose('at', { type: 'DateTime', description: 'When, by the clock of the database.' }),
    payload: t.expose('payload', {
      type: 'JSON',
      description:
        'The particulars. Of `job.transitioned` and `account.transitioned`: `from`, `to`, `event`, `tag` and `progress`.',
    }),
    plan: t.field({
      type: Plan,
      nullable: true,
      description: 'The plan that it happened to, as it is now.',
      resolve: ({ planId }, _args, { load }) => (planId === null ? null : load.plan.load(planId)),
    }),
    slot: t.field({
      type: Slot,
      nullable: true,
      description: 'The slot that it happened to, as it is now.',
      resolve: ({ slotId }, _args, { load }) => (slotId === null ? null : load.slot.load(slotId)),
    }),
    account: t.field({
      type: Account,
      nullable: true,
      description: 'The account that it happened to, as it is now.',
      resolve: ({ accountId }, _args, { load }) => (accountId === null ? null : load.account.load(accountId)),
    }),
    job: t.field({
      type: Job,
      nullable: true,
      description: 'The job that it happened to, as it is now.',
      resolve: ({ jobId }, _args, { load }) => (jobId === null ? null : load.job.load(jobId)),
    }),
    revision: t.expose('jobRevision', {
      type: 'SafeInt',
      nullable: true,
      description: 'The revision of the job, or of the account, that it made.',
    }),
  }),
})

builder.queryField('events', (t) =>
  t.connection(
    {
      type: Event,
      description: 'What happened, the first one first. The cursor of an event is its sequence number.',
      authScopes: { read: true },
      resolve: (_root, args, { viewer, read }) =>
        numberedConnectionOf(
          args,
          ({ sequence }: EventRecord) => sequence,
          () => read((tx) => readHead(tx, viewer.organizationId)),
          (range) => read((tx) => listEvents(tx, viewer.organizationId, range)),
        ),
    },
    EventConnection,
  ),
)
