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
import { Account, ApiKey, Job } from '../ref.ts'

const Reason = builder.enumType('DeadLetterReason', {
  description: 'What kept workers from getting through with a job.',
  values: {
    UNKNOWN_CHECKPOINT: {
      description:
        'Its checkpoint is of a machine, a state or a version that this build does not know: it takes the build that wrote it, or a newer one.',
    },
    WORKER_ERROR: { description: 'Each time they came to an error that is no answer of a step.' },
    WORKER_DIED: { description: 'They were not heard of any more while they were at it.' },
  } as const,
})

const DeadLetter = builder.objectRef<DeadLetterRecord>('DeadLetter').implement({
  description:
    'A job, or an account, that no worker got through with in about half an hour. Nothing of it goes on by itself: the operator mends the cause, and then it is redriven.',
  authScopes: { read: true },
  fields: (t) => ({
    job: t.field({
      type: Job,
      nullable: true,
      description: 'The job; null if it is about an account.',
      resolve: ({ machine, instanceId: jobId }, _args, { load }) =>
        machine === 'job' ? load.job.load(jobId) : null,
    }),
    account: t.field({
      type: Account,
      nullable: true,
      description: 'The account, of which nothing is renewed meanwhile; null if it is about a job.',
      resolve: ({ machine, instanceId: jobId }, _args, { load }) =>
        machine === 'account' ? load.account.load(jobId) : null,
    }),
    state: t.exposeString('state', { description: 'The state in which nobody got through with it.' }),
    reason: t.expose('code', { type: Reason, description: 'What kept them from it.' }),
    message: t.exposeString('message', {
      description: 'The same in words; the log of the workers has more.',
    }),
    leaseAttemptCount: t.exposeInt('attempts', { description: 'How often it was tried.' }),
    isResolved: t.boolean({
      description: 'Whether it needs no redrive any more: it was redriven, or its job or account went on.',
      resolve: ({ isOpen }) => !isOpen,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was given up.' }),
    redrivenAt: t.expose('redrivenAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was sent on its way again.',
    }),
    redriveReason: t.exposeString('redriveReason', { nullable: true, description: 'Why, as they said.' }),
    redrivenBy: t.field({
      type: ApiKey,
      nullable: true,
      description: 'The key by which; null if it was not, or by the operator.',
      resolve: ({ redrivenBy }, _args, { load }) =>
        redrivenBy === null ? null : load.apiKey.load(redrivenBy),
    }),
  }),
})

const DeadLetterConnection = connectionTypes(DeadLetter, {
  connection: 'A page of dead letters.',
  edge: 'A dead letter in a list.',
})

builder.queryField('deadLetters', (t) =>
  t.connection(
    {
      type: DeadLetter,
      description: 'The dead letters, the newest first; also those that are history.',
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
    description: 'The dead letter that it lies in now; null if it lies in none.',
    resolve: ({ id }, _args, context) => openLetters(context).load(id),
  }),
)

const loaders = new WeakMap<Context, DataLoader<string, DeadLetterRecord | null>>()

/** One statement for all jobs that are asked for at the same moment. */
function openLetters(context: Context): DataLoader<string, DeadLetterRecord | null> {
  const { viewer, read } = context
  const loader =
    loaders.get(context) ??
    new DataLoader(
      async (ids: readonly string[]) => {
        const letters = await read((tx) => findOpenDeadLetters(tx, viewer.organizationId, ids))
        const byJob = new Map(letters.map((letter) => [letter.instanceId, letter]))
        return ids.map((id) => byJob.get(id) ?? null)
      },
      { cache: false },
    )
  loaders.set(context, loader)
  return loader
}

defineMutation('redriveDeadLetter', {
  description:
    'Sends what lies in a dead letter on its way again. Where it may have called somebody unheard, that is looked up first; nothing is done twice. Not permitted where there is no open letter.',
  scope: 'write',
  errors: [NotPermittedInState],
  input: {
    description: 'What to send on its way again, and why.',
    ids: { subjectId: ['Job', 'Account'] },
    fields: (t) => ({
      subjectId: t.id({ required: true, description: 'The job, or the account, of an open dead letter.' }),
      reason: t.string({
        required: true,
        description: 'What was mended, for whoever wonders later, in 1 to 500 characters.',
      }),
    }),
  },
  run: (tx, { subjectId, reason }, { deps, viewer: { organizationId, keyId: by } }) =>
    redriveJob(tx, deps, { organizationId, jobId: subjectId, reason, by }),
  payload: {
    description: 'What was sent on its way.',
    fields: (t) => ({
      job: t.field({
        type: Job,
        nullable: true,
        description: 'The job as it is now; null if it was an account.',
        resolve: ({ jobId }, _args, { load }) => load.job.load(jobId),
      }),
      account: t.field({
        type: Account,
        nullable: true,
        description: 'The account as it is now; null if it was a job.',
        resolve: ({ jobId }, _args, { load }) => load.account.load(jobId),
      }),
    }),
  },
})
