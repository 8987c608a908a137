import { type EventRecord, listEvents, readHead } from '../../store/event/read.ts'
import { builder } from '../schema/builder.ts'
import { numberedConnectionOf } from '../schema/connection.ts'
import { EventConnection } from '../schema/connection-type.ts'
import { Account, Event, Job, Media, Plan, Slot } from '../schema/ref.ts'
import { requireKept } from './kept-events.ts'

Event.implement({
  description:
    'An event of the organization. Sequence numbers have no gaps, so a client that knows the last one it received can resume from there.',
  authScopes: { read: true },
  fields: (t) => ({
    sequence: t.expose('sequence', {
      type: 'SafeInt',
      description: 'The sequence number of the event.',
    }),
    type: t.exposeString('type', {
      description:
        'The type of the event, such as `job.transitioned`, `plan.approved` or `quota.thresholdReached`.',
    }),
    occurredAt: t.expose('at', {
      type: 'DateTime',
      description: 'When the event occurred, by the database clock.',
    }),
    payload: t.expose('payload', {
      type: 'JSON',
      description:
        'The details of the event. For `job.transitioned`, `account.transitioned` and `media.transitioned`: `from`, `to`, `event`, `tag` and `progress`.',
    }),
    plan: t.field({
      type: Plan,
      nullable: true,
      description: 'The plan of the event in its current state; null if there is none.',
      resolve: ({ planId }, _args, { load }) => (planId === null ? null : load.plan.load(planId)),
    }),
    slot: t.field({
      type: Slot,
      nullable: true,
      description: 'The slot of the event in its current state; null if there is none.',
      resolve: ({ slotId }, _args, { load }) => (slotId === null ? null : load.slot.load(slotId)),
    }),
    account: t.field({
      type: Account,
      nullable: true,
      description: 'The account of the event in its current state; null if there is none.',
      resolve: ({ accountId }, _args, { load }) => (accountId === null ? null : load.account.load(accountId)),
    }),
    job: t.field({
      type: Job,
      nullable: true,
      description: 'The job of the event in its current state; null if there is none.',
      resolve: ({ jobId }, _args, { load }) => (jobId === null ? null : load.job.load(jobId)),
    }),
    media: t.field({
      type: Media,
      nullable: true,
      description: 'The media of the event in its current state; null if there is none.',
      resolve: ({ type, jobId }, _args, { load }) =>
        jobId === null || !type.startsWith('media.') ? null : load.media.load(jobId),
    }),
    revision: t.expose('jobRevision', {
      type: 'SafeInt',
      nullable: true,
      description: 'The revision of the job, account or media after the event; null for other events.',
    }),
  }),
})

builder.queryField('events', (t) =>
  t.connection(
    {
      type: Event,
      description:
        'The events of the organization that are kept, oldest first. The cursor of an event is its sequence number.',
      authScopes: { read: true },
      resolve: (_root, args, { viewer, read }) =>
        numberedConnectionOf(
          args,
          ({ sequence }: EventRecord) => sequence,
          () => read((tx) => readHead(tx, viewer.organizationId)),
          (range) => requireKept(read((tx) => listEvents(tx, viewer.organizationId, range))),
        ),
    },
    EventConnection,
  ),
)
