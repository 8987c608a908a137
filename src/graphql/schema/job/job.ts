import type { GraphQLResolveInfo } from 'graphql'
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
import { type JobColumns, type JobRecord, listJobs } from '../../../store/job/job-list.ts'
import { builder } from '../builder.ts'
import { connectionOf } from '../connection.ts'
import { JobConnection } from '../connection-type.ts'
import { requestError } from '../error.ts'
import { Failure } from '../failure.ts'
import { decodeGlobalId } from '../global-id.ts'
import { Account, Job, Media, Slot } from '../ref.ts'
import { selectedFields } from '../selected-fields.ts'

const Tag = builder.enumType('JobTag', {
  description: 'What a job needs next.',
  values: {
    WORKING: { value: 'working', description: 'A worker. The job is processed now or immediately.' },
    WAITING: { value: 'waiting', description: 'Time. The job continues automatically.' },
    RESTING: { value: 'resting', description: 'A person, or an event from TikTok.' },
    SETTLED: {
      value: 'settled',
      description:
        'Nothing. Its work is done; TikTok may still report that the post became visible or was taken down.',
    },
    FINAL: {
      value: 'final',
      description: 'Nothing. The job was cancelled or has failed, and never changes again.',
    },
  } as const,
})

const Progress = builder.objectRef<ProgressRecord>('Progress').implement({
  description: 'The progress of the current work.',
  authScopes: { read: true },
  fields: (t) => ({
    completed: t.exposeFloat('completed', { description: 'The amount completed; may be a fraction.' }),
    total: t.exposeFloat('total', { description: 'The total amount.' }),
    unit: t.exposeString('unit', { description: 'The unit of the amounts: `scenes` or `chunks`.' }),
  }),
})

const DeferralReason = builder.enumType('JobDeferralReason', {
  description: 'What defers the next call of a job.',
  values: {
    RATE_LIMIT: {
      value: 'rateLimit',
      description: 'A rate limit is reached; `rateLimits` shows the waiting calls.',
    },
    CIRCUIT_BREAKER: {
      value: 'circuitOpen',
      description: 'A circuit breaker is open; `circuitBreakers` shows when it is probed.',
    },
    RETRY_BUDGET: {
      value: 'retryBudget',
      description: 'The retry budget of the upstream is spent; only first attempts are made for now.',
    },
  } as const,
})
const deferralCodes = ['rateLimit', 'circuitOpen', 'retryBudget'] as const

/** The codes are those of our own guards; TikTok's have other words. */
const deferralReasonOf = (failure: JobContext['failure'] | undefined) =>
  deferralCodes.find((code) => failure?.source === 'reelpilot' && failure.code === code) ?? null

const StartedBy = builder.enumType('JobStartedBy', {
  description: 'Who started a job.',
  values: {
    SCAN: { value: 'scan', description: 'A scan, under autopilot. Turning autopilot off holds the job.' },
    PERSON: {
      value: 'person',
      description: 'A client, with `startJob`. The job continues regardless of autopilot.',
    },
  } as const,
})

const Purpose = builder.enumType('JobPurpose', {
  description: 'What a job is for.',
  values: {
    POST: { value: 'post', description: 'To post the content of a slot.' },
    PREVIEW: {
      value: 'preview',
      description:
        'To render the video of a storyboard before its approval. It posts nothing and ends in `rendered`.',
    },
  } as const,
})

/** The events that people may send, each by the mutation of its name. */
const peoplesEvents: ReadonlySet<string> = new Set(['cancel', 'pause', 'resume', 'retry'])

/** The context of a job of the job machine; others have other fields, which then are missing. */
/** A row of an older machine version lacks the newer fields. */
const jobContext = (job: JobRecord): Partial<JobContext> => contextOf(jobMachine, job)

builder.node(Job, {
  description:
    'The work for one slot, from the quota reservation to the published post. It is an instance of the job machine.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    state: t.exposeString('state', {
      description:
        'The path of the job\'s state, such as `publishing.uploading`. `stateMachine(name: "job")` describes all states.',
    }),
    tag: t.expose('tag', { type: Tag, description: 'What the job needs next.' }),
    revision: t.expose('revision', {
      type: 'SafeInt',
      description: 'The revision of the job. It increases by one with every transition.',
    }),
    slot: t.field({
      type: Slot,
      nullable: true,
      description:
        'The slot of the job; null for a preview, and if the slot was removed after the job was cancelled.',
      resolve: ({ slotId }, _args, { load }) => (slotId === null ? null : load.slot.load(slotId)),
    }),
    account: t.field({
      type: Account,
      nullable: true,
      description: 'The account that the job posts to; null if it no longer exists.',
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
      description: 'When the job continues automatically; null if it does not wait for a time.',
      resolve: (job) => instantOf(nextTimer(job)?.dueAt),
    }),
    deferredBy: t.field({
      type: DeferralReason,
      nullable: true,
      description:
        "What defers the job's next call until `waitingUntil`, without consuming an attempt; null if nothing does.",
      resolve: (job) => (job.tag === 'waiting' ? deferralReasonOf(jobContext(job).failure) : null),
    }),
    progress: t.field({
      type: Progress,
      nullable: true,
      description: 'The progress of the current work; null where there is nothing to count.',
      resolve: (job) => jobContext(job).progress,
    }),
    failure: t.field({
      type: Failure,
      nullable: true,
      description: 'The last failure; null once a later step has succeeded.',
      resolve: (job) => jobContext(job).failure,
    }),
    media: t.field({
      type: Media,
      nullable: true,
      description: 'The video that the job posts; null until it is stored, and after its files were removed.',
      resolve: (job, _args, { load }) => {
        const { media } = jobContext(job)
        return media ? load.mediaByContent.load(media.sha256) : null
      },
    }),
    publishId: t.string({
      nullable: true,
      description: "TikTok's publish id; null until the post is opened.",
      resolve: (job) => jobContext(job).post?.publishId,
    }),
    publicPostIds: t.stringList({
      description:
        "TikTok's ids of the public posts, as exact decimal strings; empty until a post is public.",
      resolve: (job) => [...(jobContext(job).publicPostIds ?? [])],
    }),
    availableEvents: t.stringList({
      description:
        'The events that a client may send to the job now: `cancel`, `pause`, `resume` or `retry`, each by the mutation of its name.',
      resolve: (job, _args, { deps }) =>
        eventsOf(deps.machines, job).filter((event) => peoplesEvents.has(event)),
    }),
    purpose: t.field({
      type: Purpose,
      description: 'What the job is for.',
      resolve: (job) => jobContext(job).purpose ?? 'post',
    }),
    startedBy: t.expose('startedBy', {
      type: StartedBy,
      nullable: true,
      description: 'Who started the job; null for jobs without a slot.',
    }),
    jobKey: t.exposeString('jobKey', {
      nullable: true,
      description: 'The key that `startJob` was given; null if there is none.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the job was started.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When the job last changed.' }),
  }),
})

const JobFilter = builder.inputType('JobFilter', {
  description: 'A filter for jobs. All conditions must hold.',
  fields: (t) => ({
    states: t.stringList({ description: 'Only jobs in one of these states, such as `needsPerson`.' }),
    tags: t.field({ type: [Tag], description: 'Only jobs with one of these tags.' }),
    planId: t.id({ description: 'Only jobs for slots of this plan.' }),
    accountId: t.id({ description: 'Only jobs of this account.' }),
  }),
})

builder.queryFields((t) => ({
  job: t.field({
    type: Job,
    nullable: true,
    description: 'A job by its global id; null if it does not exist.',
    authScopes: { read: true },
    args: { id: t.arg.id({ required: true, description: 'The global id of the job.' }) },
    resolve: (_root, { id }, { load }, info) => {
      const decoded = decodeGlobalId(id)
      if (decoded?.name !== 'Job') return null
      const loader = columnsFor(info, 'object') === 'all' ? load.job : load.jobSummary
      return loader.load(decoded.id)
    },
  }),
  jobs: t.connection(
    {
      type: Job,
      description: 'The jobs, newest first.',
      authScopes: { read: true },
      args: { filter: t.arg({ type: JobFilter, description: 'A filter for jobs.' }) },
      resolve: (_root, { filter, ...args }, { viewer, read, deps }, info) => {
        const planId = idIn(filter?.planId, 'Plan')
        const accountId = idIn(filter?.accountId, 'Account')
        const states = filter?.states ?? null
        const tags = filter?.tags ?? null
        const statesOfOtherTags = tags === null ? [] : statesWithout(tags, deps.machines)
        const wanted = columnsFor(info, 'items')
        checkStates(states, deps.machines)
        const jobFilter = { states, tags, planId, accountId, statesOfOtherTags }
        return connectionOf({ list: 'jobs', of: viewer.organizationId }, args, (page) =>
          read((tx) => listJobs(tx, viewer.organizationId, jobFilter, page, wanted)),
        )
      },
    },
    JobConnection,
  ),
}))

/** The fields that need nothing of what the machine keeps. All others are read with it. */
const summaryFields: ReadonlySet<string> = new Set([
  '__typename',
  'id',
  'state',
  'tag',
  'revision',
  'slot',
  'account',
  'startedBy',
  'jobKey',
  'createdAt',
  'updatedAt',
])

function columnsFor(info: GraphQLResolveInfo, of: 'object' | 'items'): JobColumns {
  return [...selectedFields(info, of)].every((name) => summaryFields.has(name)) ? 'summary' : 'all'
}

/** Null if no id is given. An id of something else has no jobs: it is replaced by one that nothing has. */
function idIn(id: string | number | null | undefined, name: 'Plan' | 'Account'): string | null {
  if (id == null) return null
  const decoded = decodeGlobalId(String(id))
  return decoded?.name === name ? decoded.id : nilUuid
}

/** The states of the job machine that have none of the tags. */
function statesWithout(tags: readonly string[], machines: MachineCatalogue): readonly string[] {
  const machine = machines.get('job')
  const states = machine ? diagramOf(machine).states : []
  return states.filter(({ tag }) => !tags.includes(tag)).map(({ path }) => path)
}

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

const nilUuid = '00000000-0000-0000-0000-000000000000'

function instantOf(milliseconds: number | undefined): Date | null {
  return milliseconds === undefined ? null : new Date(milliseconds)
}
