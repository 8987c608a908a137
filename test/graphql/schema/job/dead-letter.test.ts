import { beforeAll, describe, expect, it } from 'vitest'
import type { CommandDeps } from '../../../../src/commands/command-deps.ts'
import { deadLetterJob } from '../../../../src/commands/job/dead-letter-job.ts'
import type { FailureCause } from '../../../../src/queue/failure-cause.ts'
import { createCommandDeps } from '../../../support/command-deps.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import {
  type Answer,
  createRunningPlan,
  createTenant,
  createTestApi,
  globalId,
  type Tenant,
  type TestApi,
} from '../../support.ts'

let database: TestDatabase
let api: TestApi
let tenant: Tenant
let otherTenant: Tenant
let deps: CommandDeps
/** Bare ids of three jobs. */
let jobIds: readonly string[]

beforeAll(async () => {
  database = await createTestDatabase()
  api = await createTestApi(database)
  deps = await createCommandDeps(database)
  tenant = await createTenant(database, api)
  otherTenant = await createTenant(database, api)
  await createRunningPlan(tenant, [60, 70, 80])
  const { jobs } = await tenant.request('{ jobs { nodes { id } } }')
  jobIds = jobs.nodes.map(({ id }: { id: string }) => bareId(id))
})

const bareId = (id: string) => Buffer.from(id, 'base64url').toString('utf8').split(':')[1] ?? ''

const died: FailureCause = { code: 'WORKER_DIED', message: 'It was not heard of any more.' }

/** Dead-letters a job, as a worker does with a wake-up whose lease attempts are used up. */
async function sendToDeadLetters(jobId: string, cause = died) {
  const deadLetter = { cause, attempts: 35, at: new Date(Date.now() + 1_000), isRepeated: false }
  return await database.runtime.db.transaction().execute((tx) => deadLetterJob(tx, deps, jobId, deadLetter))
}

const fields = `state reason message leaseAttemptCount isResolved redrivenAt redriveReason redrivenBy { id } job { id state } account { id }`
const deadLettersOf = async (who: Tenant): Promise<Answer[]> =>
  (await who.request(`{ deadLetters { nodes { ${fields} } } }`)).deadLetters.nodes

async function redrive(who: Tenant, input: object): Promise<Answer> {
  const answer = await who.request(
    `mutation ($input: RedriveDeadLetterInput!) { redriveDeadLetter(input: $input) {
       ... on RedriveDeadLetterPayload { job { id state deadLetter { isResolved } } account { id } }
       ... on Error { code }
       ... on InvalidInputError { fields { path message } }
     } }`,
    { input: { reason: 'The disk has room again', ...input } },
  )
  return answer.redriveDeadLetter
}

describe('dead letters', () => {
  it('show a job whose workers all failed, which needs a person and keeps its failure', async () => {
    const [jobId = ''] = jobIds
    expect(await sendToDeadLetters(jobId)).toMatchObject({ kind: 'deadLettered', isTransitioned: true })
    expect(await deadLettersOf(tenant)).toEqual([
      {
        state: 'queued',
        reason: 'WORKER_DIED',
        message: died.message,
        leaseAttemptCount: 35,
        isResolved: false,
        redrivenAt: null,
        redriveReason: null,
        redrivenBy: null,
        job: { id: globalId('Job', jobId), state: 'needsPerson' },
        account: null,
      },
    ])
    const { job } = await tenant.request(
      'query ($id: ID!) { job(id: $id) { failure { verdict code message } availableEvents deadLetter { leaseAttemptCount } } }',
      { id: globalId('Job', jobId) },
    )
    expect(job).toEqual({
      failure: {
        verdict: 'NEEDS_OPERATOR',
        code: 'INFRASTRUCTURE_FAILED',
        message: `Every worker that took this job failed. ${died.message}`,
      },
      availableEvents: ['cancel', 'retry'],
      deadLetter: { leaseAttemptCount: 35 },
    })
    // A second dead-lettered wake-up of the same job changes nothing.
    expect(await sendToDeadLetters(jobId)).toEqual({ kind: 'moot' })
    expect(await deadLettersOf(tenant)).toHaveLength(1)
  })

  it('are redriven with a reason, and once even if the request is repeated', async () => {
    const [jobId = ''] = jobIds
    const input = { subjectId: globalId('Job', jobId), idempotencyKey: 'once' }
    expect(await redrive(tenant, { ...input, reason: ' ' })).toEqual({
      code: 'INVALID_INPUT',
      fields: [{ path: 'reason', message: 'must have 1 to 500 characters' }],
    })
    const redriven = { job: { id: input.subjectId, state: 'queued', deadLetter: null }, account: null }
    expect(await redrive(tenant, input)).toEqual(redriven)
    expect(await redrive(tenant, input)).toEqual(redriven)
    expect(await redrive(tenant, { subjectId: input.subjectId })).toMatchObject({
      code: 'NOT_PERMITTED_IN_STATE',
    })

    const [deadLetter] = await deadLettersOf(tenant)
    expect(deadLetter).toMatchObject({
      isResolved: true,
      redriveReason: 'The disk has room again',
      redrivenBy: { id: globalId('ApiKey', tenant.keyId) },
    })
    expect(deadLetter.redrivenAt).not.toBeNull()
  })

  it('append events to the organization’s sequence, next to the transitions of the job', async () => {
    const { events } = await tenant.request(
      '{ events(last: 4) { nodes { type payload slot { id } job { id } } } }',
    )
    const [jobId] = jobIds
    const job = { id: globalId('Job', jobId ?? '') }
    const slot = events.nodes[0].slot
    expect(slot).not.toBeNull()
    expect(events.nodes).toMatchObject([
      { type: 'job.transitioned', payload: { event: 'infrastructureFailed', to: 'needsPerson' }, slot, job },
      { type: 'job.deadLettered', payload: { jobId, state: 'queued', leaseAttemptCount: 35 }, slot },
      { type: 'job.transitioned', payload: { event: 'retry', to: 'queued' }, slot, job },
      { type: 'job.redriven', payload: { jobId, reason: 'The disk has room again', by: tenant.keyId }, slot },
    ])
  })

  it('are resolved when another event moves the job on', async () => {
    const [, jobId = ''] = jobIds
    await sendToDeadLetters(jobId)
    await tenant.request(
      'mutation ($id: ID!) { retryJob(input: { jobId: $id }) { ... on Error { message } } }',
      {
        id: globalId('Job', jobId),
      },
    )
    expect((await deadLettersOf(tenant))[0]).toMatchObject({ isResolved: true, redrivenAt: null })
    expect(await redrive(tenant, { subjectId: globalId('Job', jobId) })).toMatchObject({
      code: 'NOT_PERMITTED_IN_STATE',
    })
  })

  it('keep an account in its state, and can be redriven for an account too', async () => {
    // The account's tokens are due for a refresh.
    await database.owner.pool.query(
      `update reelpilot.machine_instance set wake_at = now() where id = '${tenant.accountId}'`,
    )
    expect(await sendToDeadLetters(tenant.accountId)).toMatchObject({
      kind: 'deadLettered',
      isTransitioned: false,
    })
    const account = { id: tenant.ids.account }
    expect((await deadLettersOf(tenant))[0]).toMatchObject({
      isResolved: false,
      state: 'connected',
      job: null,
      account,
    })
    expect(await redrive(tenant, { subjectId: tenant.ids.account })).toEqual({ job: null, account })
  })

  it('show a job whose checkpoint this version of the application cannot read', async () => {
    const [, , jobId = ''] = jobIds
    await database.owner.pool.query(
      `update reelpilot.machine_instance set version = 99 where id = '${jobId}'`,
    )
    expect(
      await sendToDeadLetters(jobId, { code: 'UNKNOWN_CHECKPOINT', message: 'Of version 99.' }),
    ).toMatchObject({
      isTransitioned: false,
    })
    const { job } = await tenant.request(
      'query ($id: ID!) { job(id: $id) { state availableEvents deadLetter { isResolved reason } } }',
      { id: globalId('Job', jobId) },
    )
    expect(job).toEqual({
      state: 'queued',
      availableEvents: [],
      deadLetter: { isResolved: false, reason: 'UNKNOWN_CHECKPOINT' },
    })
  })

  it('are neither shown to other organizations nor redriven by them', async () => {
    const [, , jobId = ''] = jobIds
    expect(await deadLettersOf(otherTenant)).toEqual([])
    expect(await redrive(otherTenant, { subjectId: globalId('Job', jobId) })).toEqual({ code: 'NOT_FOUND' })
    expect((await deadLettersOf(tenant))[0]).toMatchObject({ isResolved: false })
  })

  it('are listed in pages, the newest first', async () => {
    const all = await deadLettersOf(tenant)
    expect(all).toHaveLength(4)
    const page = `query ($after: String) { deadLetters(first: 3, after: $after) {
      nodes { ${fields} } pageInfo { hasNextPage endCursor } } }`
    const first = (await tenant.request(page)).deadLetters
    expect(first.pageInfo.hasNextPage).toBe(true)
    const second = (await tenant.request(page, { after: first.pageInfo.endCursor })).deadLetters
    expect([...first.nodes, ...second.nodes]).toEqual(all)
  })
})
