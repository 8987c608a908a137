import type { JobContext, Progress as ProgressRecord } from '../../../../machines/job/context.ts'
import { jobMachine } from '../../../definitions/machines.ts'
import { nextTimer } from '../../../durable/checkpoint.ts'
import { acceptedEvents } from '../../../durable/decide.ts'
import { diagramOf } from '../../../durable/diagram.ts'
import {
  contextOf,
  loadCheckpoint,
  type MachineCatalogue,
  UnknownCheckpoint,
} from '../../../durable/machine.ts'
import { type JobRecord, listJobs } from '../../../store/job/job-list.ts'
import { builder } from '../builder.ts'
import { connectionOf } from '../connection.ts'
import { JobConnection } from '../connection-type.ts'
import { requestError } from '../error.ts'
import { Failure } from '../failure.ts'
import { decodeGlobalId } from '../global-id.ts'
import { Account, Job, Slot } from '../ref.ts'
import { Media } from './media.ts'

const Tag = builder.enumType('JobTag', {
  description: 'What a job needs next.',
  values: {
    WORKING: { value: 'working', description: 'A worker, which is at it or will be at once.' },
    WAITING: { value: 'waiting', description: 'Time: it goes on by itself.' },
    RESTING: { value: 'resting', description: 'A person, or a webhook of TikTok.' },
    SETTLED: {
      value: 'settled',
      description:
        'Nothing: its work is done. TikTok may still report that the post became visible or was taken down.',
    },
    FINAL: { value: 'final', description: 'Nothing, ever: it was cancelled, or has failed.' },
  } as const,
})

const Progress = builder.objectRef<ProgressRecord>('Progress').implement({
  description: 'How far the present work has come.',
  authScopes: { read: true },
  fields: (t) => ({
    completed: t.exposeFloat('completed', { description: 'How much is done; may be a fraction.' }),
    total: t.exposeFloat('total', { description: 'How much there is to do.' }),
    unit: t.exposeString('unit', { description: 'Of what: `scenes` or `chunks`.' }),
  }),
})

const DeferralReason = builder.enumType('JobDeferralReason', {
  description: 'Why it is not the turn of a job.',
  values: {
    RATE_LIMIT: { value: 'rateLimit', description: 'A limit is used up; `rateLimits` shows the line.' },
    CIRCUIT_BREAKER: {
      value: 'circuitOpen',
      description: 'The other side has failed in a row; `circuitBreakers` shows when it is tried.',
    },
    RETRY_BUDGET: {
      value: 'retryBudget',
      description: 'So much has failed at the other side that only first attempts are made for now.',
    },
  } as const,
})
const deferralCodes = ['rateLimit', 'circuitOpen', 'retryBudget'] as const

/** The codes are those of our own guards; TikTok's have other words. */
const deferralReasonOf = (failure: JobContext['failure'] | undefined) =>
  deferralCodes.find((code) => failure?.source === 'reelpilot' && failure.code === code) ?? null

const StartedBy = builder.enumType('JobStartedBy', {
  description: 'Who has started a job.',
  values: {
    SCAN: { value: 'scan', description: 'A scan, which autopilot let: it is held when that is turned off.' },
    PERSON: { value: 'person', description: 'A person, by `startJob`: it goes on whatever autopilot says.' },
  } as const,
})

/** The events that people may send, each by the mutation of its name. */
const peoplesEvents: ReadonlySet<string> = new Set(['cancel', 'pause', 'resume', 'retry'])

/** The context of a job of the job machine; others have other fields, which then are missing. */
/** A row of an older machine version lacks the newer fields. */
const jobContext = (job: JobRecord): Partial<JobContext> => contextOf(jobMachine, job)

builder.node(Job, {
  description: 'The work for one slot, from quota to published post: an instance of the job machine.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    state: t.exposeString('state', {
      description:
        'Its state, such as `publishing.uploading`; `stateMachine(name: "job")` explains all of them.',
    }),
    tag: t.expose('tag', { type: Tag, description: 'What it needs next.' }),
    revision: t.expose('revision', { type: 'SafeInt', description: 'Rises by one with every transition.' }),
    slot: t.field({
      type: Slot,
      nullable: true,
      description: "The slot that it works for; null once a cancelled job's slot was removed.",
      resolve: ({ slotId }, _args, { load }) => (slotId === null ? null : load.slot.load(slotId)),
    }),
    account: t.field({
      type: Account,
      nullable: true,
      description: 'The account that it posts to.',
      resolve: ({ accountId }, _args, { load }) => (accountId === null ? null : load.account.load(accountId)),
    }),
    publishAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the post is due.',
      resolve: (job) => instantOf(jobContext(job).publishAt),
    }),
    waitingUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it goes on by itself; null if it does not wait for a time.',
      resolve: (job) => instantOf(nextTimer(job)?.dueAt),
    }),
    deferredBy: t.field({
      type: DeferralReason,
      nullable: true,
      description:
        'What keeps it from its next call until `waitingUntil`, and costs it no attempt; null if nothing of that kind does.',
      resolve: (job) => (job.tag === 'waiting' ? deferralReasonOf(jobContext(job).failure) : null),
    }),
    progress: t.field({
      type: Progress,
      nullable: true,
      description: 'How far the present work has come; null where there is nothing to count.',
      resolve: (job) => jobContext(job).progress,
    }),
    failure: t.field({
      type: Failure,
      nullable: true,
      description: 'What went wrong last, until a step succeeds again.',
      resolve: (job) => jobContext(job).failure,
    }),
    media: t.field({
      type: Media,
      nullable: true,
      description: 'The finished video; null until it is stored.',
      resolve: (job) => jobContext(job).media,
    }),
    publishId: t.string({
      nullable: true,
      description: "TikTok's id of the posting; null until it is opened.",
      resolve: (job) => jobContext(job).post?.publishId,
    }),
    publicPostIds: t.stringList({
      description: "TikTok's ids of the public post, with every digit; empty until it can be seen.",
      resolve: (job) => [...(jobContext(job).publicPostIds ?? [])],
    }),
    availableEvents: t.stringList({
      description: 'What may be asked of it now: `cancel`, `pause`, `resume` or `retry`, each a mutation.',
      resolve: (job, _args, { deps }) =>
        eventsOf(deps.machines, job).filter((event) => peoplesEvents.has(event)),
    }),
    startedBy: t.expose('startedBy', {
      type: StartedBy,
      nullable: true,
      description: 'Who has started it; null of jobs that serve no slot.',
    }),
    jobKey: t.exposeString('jobKey', {
      nullable: true,
      description: 'The key that `startJob` was given for it; null if it was given none.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was started.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last moved.' }),
  }),
})

const JobFilter = builder.inputType('JobFilter', {
  description: 'Which jobs; all conditions must hold.',
  fields: (t) => ({
    states: t.stringList({ description: 'In one of these states, such as `needsPerson`.' }),
    tags: t.field({ type: [Tag], description: 'With one of these tags.' }),
    planId: t.id({ description: 'For slots of this plan.' }),
  }),
})

builder.queryFields((t) => ({
  job: t.field({
    type: Job,
    nullable: true,
    description: 'One job; null if there is none of this id.',
    authScopes: { read: true },
    args: { id: t.arg.id({ required: true, description: 'The job.' }) },
    resolve: (_root, { id }, { load }) => {
      const decoded = decodeGlobalId(id)
      return decoded?.name === 'Job' ? load.job.load(decoded.id) : null
    },
  }),
  jobs: t.connection(
    {
      type: Job,
      description: 'The jobs, the newest first.',
      authScopes: { read: true },
      args: { filter: t.arg({ type: JobFilter, description: 'Which jobs.' }) },
      resolve: (_root, { filter, ...args }, { viewer, read, deps }) => {
        const plan = filter?.planId == null ? null : decodeGlobalId(filter.planId)
        // A plan that is none has no jobs: asked for by an id that nothing has.
        const planId = filter?.planId == null ? null : plan?.name === 'Plan' ? plan.id : nobody
        const states = filter?.states ?? null
        const tags = filter?.tags ?? null
        checkStates(states, deps.machines)
        return connectionOf({ list: 'jobs', of: viewer.organizationId }, args, (page) =>
          read((tx) => listJobs(tx, viewer.organizationId, { states, tags, planId }, page)),
        )
      },
    },
    JobConnection,
  ),
}))

/** A state that there is not would answer an empty list for ever, and look like good news. */
function checkStates(states: readonly string[] | null, machines: MachineCatalogue): void {
  const machine = machines.get('job')
  if (states === null || !machine) return
  const known = diagramOf(machine).states.map(({ path }) => path)
  const unknown = states.filter((state) => !known.includes(state))
  if (unknown.length > 0)
    throw requestError(
      'BAD_USER_INPUT',
      `filter.states: there is no state ${unknown.map((state) => JSON.stringify(state.slice(0, 100))).join(', ')}; there are ${known.join(', ')}`,
    )
}

/** None of a checkpoint that this build cannot read: its job comes to a dead letter. */
function eventsOf(machines: MachineCatalogue, job: JobRecord): readonly string[] {
  try {
    const { machine, checkpoint } = loadCheckpoint(machines, job)
    return acceptedEvents(machine, checkpoint)
  } catch (error) {
    if (error instanceof UnknownCheckpoint) return []
    throw error
  }
}

const nobody = '00000000-0000-0000-0000-000000000000'

function instantOf(milliseconds: number | undefined): Date | null {
  return milliseconds === undefined ? null : new Date(milliseconds)
}
