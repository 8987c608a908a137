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
  description: 'A committed transition of a job. Revisions increase by one without gaps.',
  authScopes: { read: true },
  fields: (t) => ({
    revision: t.expose('revision', {
      type: 'SafeInt',
      description: 'The revision of the job after the transition.',
    }),
    sequence: t.expose('sequence', {
      type: 'SafeInt',
      description: 'The sequence number of the event that recorded the transition.',
    }),
    from: t.exposeString('from', {
      nullable: true,
      description: 'The path of the state before the transition; null for the first.',
    }),
    to: t.exposeString('to', { description: 'The path of the state after the transition.' }),
    event: t.exposeString('event', { description: 'The machine event that caused the transition.' }),
    committedAt: t.expose('at', {
      type: 'DateTime',
      description: 'When the transition was committed, by the database clock.',
    }),
  }),
})

const TimelineEntry = builder.objectRef<TimelineRecord>('TimelineEntry').implement({
  description: 'An interval that a job spent in one top-level state.',
  authScopes: { read: true },
  fields: (t) => ({
    topLevelState: t.exposeString('area', {
      description: 'The top-level state, such as `generating`.',
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When the job entered the state.' }),
    endedAt: t.expose('endedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the job left the state; null if it is still in it.',
    }),
    durationSeconds: t.float({
      description: 'The length of the interval, in seconds; until now if the job is still in the state.',
      resolve: ({ startedAt, endedAt }) => ((endedAt?.getTime() ?? Date.now()) - startedAt.getTime()) / 1_000,
    }),
    transitionCount: t.exposeInt('transitions', {
      description: 'The number of transitions into the state or within it.',
    }),
  }),
})

builder.objectFields(Job, (t) => ({
  transitions: t.connection(
    {
      type: JobTransition,
      description: 'The transitions of the job, oldest first. The cursor of a transition is its revision.',
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
    description: 'The intervals that the job spent in its top-level states, in order.',
    resolve: async ({ id }, _args, { viewer, read }) => [
      ...(await read((tx) => readTimeline(tx, viewer.organizationId, id))),
    ],
  }),
}))
