import DataLoader from 'dataloader'
import { redriveJob } from '../../../commands/job/redrive-job.ts'
import {
  type DeadLetterRecord,
  findOpenDeadLetters,
  listDeadLetters,
} from '../../../store/job/dead-letters.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import type { Context } from '../../server/context.ts'
import { builder } from '../builder.ts'
import { connectionOf } from '../connection.ts'
import { connectionTypes } from '../connection-type.ts'
import { NotPermittedInState } from '../error.ts'
import { Account, ApiKey, Job, Media } from '../ref.ts'

const Reason = builder.enumType('DeadLetterReason', {
  description: 'Why workers could not advance an instance.',
  values: {
    UNKNOWN_CHECKPOINT: {
      description:
        'Its checkpoint has a machine, state or version that this build does not know. A newer build can read it.',
    },
    WORKER_ERROR: { description: 'Workers failed with an unexpected error on each attempt.' },
    WORKER_DIED: { description: 'Workers stopped responding while they processed it.' },
  } as const,
})

const DeadLetter = builder.objectRef<DeadLetterRecord>('DeadLetter').implement({
  description:
    'A job, an account or a media that workers could not advance for about half an hour. It does not continue automatically: the operator fixes the cause, then it is redriven.',
  authScopes: { read: true },
  fields: (t) => ({
    job: t.field({
      type: Job,
      nullable: true,
      description: 'The job; null if the dead letter is about something else.',
      resolve: ({ machine, instanceId: jobId }, _args, { load }) =>
        machine === 'job' ? load.job.load(jobId) : null,
    }),
    account: t.field({
      type: Account,
      nullable: true,
      description:
        'The account, whose tokens are not refreshed meanwhile; null if the dead letter is about something else.',
      resolve: ({ machine, instanceId: jobId }, _args, { load }) =>
        machine === 'account' ? load.account.load(jobId) : null,
    }),
    media: t.field({
      type: Media,
      nullable: true,
      description: 'The media; null if the dead letter is about something else.',
      resolve: ({ machine, instanceId: mediaId }, _args, { load }) =>
        machine === 'media' ? load.media.load(mediaId) : null,
    }),
    state: t.exposeString('state', { description: 'The path of the state in which processing failed.' }),
    reason: t.expose('code', { type: Reason, description: 'Why workers could not advance it.' }),
    message: t.exposeString('message', {
      description: "A description of the cause. The workers' log has details.",
    }),
    leaseAttemptCount: t.exposeInt('attempts', {
      description: 'The number of times that a worker leased it.',
    }),
    isResolved: t.boolean({
      description:
        'Whether the dead letter needs no redrive: it was redriven, or its subject advanced otherwise.',
      resolve: ({ isOpen }) => !isOpen,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When processing was given up.' }),
    redrivenAt: t.expose('redrivenAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was redriven; null if it was not.',
    }),
    redriveReason: t.exposeString('redriveReason', {
      nullable: true,
      description: 'Why it was redriven; null if it was not.',
    }),
    redrivenBy: t.field({
      type: ApiKey,
      nullable: true,
      description: 'The API key that redrove it; null if it was not redriven, or if the operator redrove it.',
      resolve: ({ redrivenBy }, _args, { load }) =>
        redrivenBy === null ? null : load.apiKey.load(redrivenBy),
    }),
  }),
})

const DeadLetterConnection = connectionTypes(DeadLetter, {
  connection: 'A page of dead letters.',
  edge: 'A dead letter and its cursor.',
})

builder.queryField('deadLetters', (t) =>
  t.connection(
    {
      type: DeadLetter,
      description: 'The dead letters, newest first, including resolved ones.',
      authScopes: { read: true },
      resolve: (_root, args, { viewer, read }) =>
        connectionOf({ list: 'deadLetters', of: viewer.organizationId }, args, (page) =>
          read((tx) => listDeadLetters(tx, viewer.organizationId, page)),
        ),
    },
    DeadLetterConnection,
  ),
)

builder.objectField(Job, 'deadLetter', (t) =>
  t.field({
    type: DeadLetter,
    nullable: true,
    description: 'The unresolved dead letter of the job; null if there is none.',
    resolve: ({ id }, _args, context) => openDeadLetters(context).load(id),
  }),
)

const loaders = new WeakMap<Context, DataLoader<string, DeadLetterRecord | null>>()

/** One statement for all jobs that are asked for at the same moment. */
function openDeadLetters(context: Context): DataLoader<string, DeadLetterRecord | null> {
  const { viewer, read } = context
  const loader =
    loaders.get(context) ??
    new DataLoader(
      async (ids: readonly string[]) => {
        const deadLetters = await read((tx) => findOpenDeadLetters(tx, viewer.organizationId, ids))
        const byJob = new Map(deadLetters.map((deadLetter) => [deadLetter.instanceId, deadLetter]))
        return ids.map((id) => byJob.get(id) ?? null)
      },
      { cache: false },
    )
  loaders.set(context, loader)
  return loader
}

defineMutation('redriveDeadLetter', {
  description:
    'Redrives the job, account or media of an unresolved dead letter. A call whose outcome is unknown is looked up first, so nothing happens twice. Fails with NOT_PERMITTED_IN_STATE if there is no unresolved dead letter.',
  scope: 'write',
  errors: [NotPermittedInState],
  input: {
    description: 'Input of `redriveDeadLetter`.',
    ids: { subjectId: ['Job', 'Account', 'Media'] },
    fields: (t) => ({
      subjectId: t.id({ required: true, description: 'The job, account or media to redrive.' }),
      reason: t.string({
        required: true,
        description: 'What was fixed, 1 to 500 characters.',
      }),
    }),
  },
  run: (tx, { subjectId, reason }, { deps, viewer: { organizationId, keyId: by } }) =>
    redriveJob(tx, deps, { organizationId, jobId: subjectId, reason, by }),
  payload: {
    description: 'The result of `redriveDeadLetter`.',
    fields: (t) => ({
      job: t.field({
        type: Job,
        nullable: true,
        description: 'The job after the mutation; null if something else was redriven.',
        resolve: ({ jobId }, _args, { load }) => load.job.load(jobId),
      }),
      account: t.field({
        type: Account,
        nullable: true,
        description: 'The account after the mutation; null if something else was redriven.',
        resolve: ({ jobId }, _args, { load }) => load.account.load(jobId),
      }),
      media: t.field({
        type: Media,
        nullable: true,
        description: 'The media after the mutation; null if something else was redriven.',
        resolve: ({ jobId }, _args, { load }) => load.media.load(jobId),
      }),
    }),
  },
})
