import { type EventRecord, listEvents, readHead } from '../../store/event/read.ts'
import { builder } from '../schema/builder.ts'
import { numberedConnectionOf } from '../schema/connection.ts'
import { EventConnection } from '../schema/connection-type.ts'
import { Account, Event, Job, Plan, Slot } from '../schema/ref.ts'

Event.implement({
  description:
    'A change in the organization. Events are numbered 1, 2, 3 … without a gap, so that a client can resume after the last one it received.',
  authScopes: { read: true },
  fields: (t) => ({
    sequence: t.expose('sequence', {
      type: 'SafeInt',
      description: 'The number of the event in its organization.',
    }),
    type: t.exposeString('type', {
      description:
        'The kind of event, such as `job.transitioned`, `account.transitioned` or `plan.approved`.',
    }),
    occurredAt: t.expose('at', {
      type: 'DateTime',
      description: 'When the event happened, by the clock of the database.',
    }),
    payload: t.expose('payload', {
      type: 'JSON',
      description:
        'The details. For `job.transitioned` and `account.transitioned`: `from`, `to`, `event`, `tag` and `progress`.',
    }),
    plan: t.field({
      type: Plan,
      nullable: true,
      description: 'The plan of the event in its current state.',
      resolve: ({ planId }, _args, { load }) => (planId === null ? null : load.plan.load(planId)),
    }),
    slot: t.field({
      type: Slot,
      nullable: true,
      description: 'The slot of the event in its current state.',
      resolve: ({ slotId }, _args, { load }) => (slotId === null ? null : load.slot.load(slotId)),
    }),
    account: t.field({
      type: Account,
      nullable: true,
      description: 'The account of the event in its current state.',
      resolve: ({ accountId }, _args, { load }) => (accountId === null ? null : load.account.load(accountId)),
    }),
    job: t.field({
      type: Job,
      nullable: true,
      description: 'The job of the event in its current state.',
      resolve: ({ jobId }, _args, { load }) => (jobId === null ? null : load.job.load(jobId)),
    }),
    revision: t.expose('jobRevision', {
      type: 'SafeInt',
      nullable: true,
      description: 'The revision of the job or account after the event.',
    }),
  }),
})

builder.queryField('events', (t) =>
  t.connection(
    {
      type: Event,
      description: 'The events, oldest first. The cursor of an event is its sequence.',
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
