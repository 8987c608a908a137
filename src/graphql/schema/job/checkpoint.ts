import {
  type CheckpointRecord,
  listCheckpoints,
  readTimeline,
  type TimelineRecord,
} from '../../../store/job/job-list.ts'
import { builder } from '../builder.ts'
import { numberedConnectionOf } from '../connection.ts'
import { JobTransitionConnection } from '../connection-type.ts'
import { Job, JobTransition } from '../ref.ts'

JobTransition.implement({
  description: 'One committed transition of a job. Revisions go up by one, without a gap.',
  authScopes: { read: true },
  fields: (t) => ({
    revision: t.expose('revision', {
      type: 'SafeInt',
      description: 'The revision that this transition made.',
    }),
    sequence: t.expose('sequence', {
      type: 'SafeInt',
      description: "The number of its event in the organization's sequence.",
    }),
    from: t.exposeString('from', { nullable: true, description: 'The state before; null for the first.' }),
    to: t.exposeString('to', { description: 'The state after.' }),
    event: t.exposeString('event', { description: 'What moved it.' }),
    committedAt: t.expose('at', {
      type: 'DateTime',
      description: 'When it was committed, by the clock of the database.',
    }),
  }),
})

const TimelineEntry = builder.objectRef<TimelineRecord>('TimelineEntry').implement({
  description: 'A stretch of time that a job spent in one state, or in the states of one area.',
  authScopes: { read: true },
  fields: (t) => ({
    topLevelState: t.exposeString('area', {
      description: 'The first part of the states, such as `generating`.',
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it came there.' }),
    endedAt: t.expose('endedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it left; null if it is there.',
    }),
    durationSeconds: t.float({
      description: 'How long it was there; up to now, if it still is.',
      resolve: ({ startedAt, endedAt }) => ((endedAt?.getTime() ?? Date.now()) - startedAt.getTime()) / 1_000,
    }),
    transitionCount: t.exposeInt('transitions', {
      description: 'How many transitions led there or happened there.',
    }),
  }),
})

builder.objectFields(Job, (t) => ({
  transitions: t.connection(
    {
      type: JobTransition,
      description: 'Its transitions, the first one first. The cursor of one is its revision.',
      resolve: ({ id, revision: last }, args, { viewer, read }) =>
        numberedConnectionOf(
          args,
          ({ revision }: CheckpointRecord) => revision,
          async () => last,
          (range) => read((tx) => listCheckpoints(tx, viewer.organizationId, id, range)),
        ),
    },
    JobTransitionConnection,
  ),
  timeline: t.field({
    type: [TimelineEntry],
    description: 'Where it spent its time, in order.',
    resolve: async ({ id }, _args, { viewer, read }) => [
      ...(await read((tx) => readTimeline(tx, viewer.organizationId, id))),
    ],
  }),
}))
