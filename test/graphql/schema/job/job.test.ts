import { getNamedType, isLeafType, isObjectType } from 'graphql'
import { beforeAll, describe, expect, it } from 'vitest'
import { schema } from '../../../../src/graphql/schema/schema.ts'
import { insertStoredVideo } from '../../../../src/store/media/stored-video.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import {
  createDraft,
  createRunningPlan,
  createTenant,
  createTestApi,
  globalId,
  mutate,
  type Tenant,
} from '../../support.ts'

let database: TestDatabase
let tenant: Tenant

beforeAll(async () => {
  database = await createTestDatabase()
  tenant = await createTenant(database, await createTestApi(database))
})

async function jobOf(slotId: string | undefined): Promise<string> {
  const { node } = await tenant.request('query ($id: ID!) { node(id: $id) { ... on Slot { job { id } } } }', {
    id: slotId,
  })
  return node.job.id
}

const wholeJob = `query ($id: ID!) { job(id: $id) {
  id state tag revision publishAt waitingUntil availableEvents publishId publicPostIds
  post { publishId status publicPostIds urls sentAt }
  progress { completed total unit } failure { verdict code source message nextStep logId responseExcerpt } media { url sha256 sizeBytes durationSeconds width height }
  slot { id job { id } } account { username state } createdAt updatedAt
  transitions { nodes { revision sequence from to event committedAt } pageInfo { hasNextPage hasPreviousPage endCursor } }
  timeline { topLevelState startedAt endedAt durationSeconds transitionCount }
} }`

describe('a job', () => {
  it('shows its state, its available events and its transitions', async () => {
    const { slotIds } = await createRunningPlan(tenant)
    const id = await jobOf(slotIds[0])
    expect(await mutate(tenant, 'pauseJob', { jobId: id }, 'job { state availableEvents }')).toMatchObject({
      job: { state: 'paused', availableEvents: expect.arrayContaining(['resume', 'cancel']) },
    })
    expect(await mutate(tenant, 'resumeJob', { jobId: id }, 'job { state }')).toMatchObject({
      job: { state: 'queued' },
    })

    const { job } = await tenant.request(wholeJob, { id })
    expect(job).toMatchObject({
      id,
      state: 'queued',
      tag: 'WORKING',
      revision: 3,
      waitingUntil: null,
      availableEvents: expect.arrayContaining(['cancel', 'pause']),
      progress: null,
      failure: null,
      media: null,
      publishId: null,
      publicPostIds: [],
      post: null,
      slot: { id: slotIds[0], job: { id } },
      account: { username: 'creator', state: 'CONNECTED' },
    })
    const steps = job.transitions.nodes.map(({ revision, from, to, event }: Record<string, unknown>) => [
      revision,
      from,
      to,
      event,
    ])
    expect(steps).toEqual([
      [1, null, 'queued', 'start'],
      [2, 'queued', 'paused', 'pause'],
      [3, 'paused', 'queued', 'resume'],
    ])
    expect(job.timeline.map(({ topLevelState }: { topLevelState: string }) => topLevelState)).toEqual([
      'queued',
      'paused',
      'queued',
    ])
    expect(job.timeline.at(-1)).toMatchObject({ endedAt: null, transitionCount: 1 })
  })

  it('shows its failure, its video and its post from its checkpoint', async () => {
    const { slotIds } = await createRunningPlan(tenant)
    const id = await jobOf(slotIds[0])
    const sha256 = 'ab'.repeat(32)
    const known = {
      failure: {
        verdict: 'NEEDS_USER',
        code: 'access_token_invalid',
        message: 'Connect the account again.',
        source: 'api',
        logId: '7',
        answer: '{"error":',
      },
      media: { sha256, bytes: 5_000_000_000, seconds: 4, width: 360, height: 640 },
      post: { publishId: 'v_pub~1', uploadUrlSealed: 'canary-upload-url', chunkSize: 1, chunkCount: 1 },
      progress: { completed: 0.5, total: 2, unit: 'scenes' },
      publicPostIds: ['7312345678901234567'],
      sentAt: Date.parse('2026-08-01T12:00:00Z'),
      ending: 'published',
      visibility: 'public',
    }
    await database.owner.pool.query(
      'update reelpilot.machine_instance set context = context || $1::jsonb where id = $2',
      [JSON.stringify(known), Buffer.from(id, 'base64url').toString().split(':')[1]],
    )
    await insertStoredVideo(database.runtime.db, { organizationId: tenant.organizationId, ...known.media })
    const { job } = await tenant.request(wholeJob, { id })
    const { answer, ...failure } = known.failure
    expect(job).toMatchObject({
      failure: {
        ...failure,
        responseExcerpt: answer,
        source: 'API',
        nextStep: 'If a refreshed token is refused as well, the creator connects the account again.',
      },
      media: {
        url: expect.stringMatching(/^http:\/\/api\.test\/media\/[0-9a-f-]{36}\/file\?token=/),
        sizeBytes: 5_000_000_000,
      },
      publishId: 'v_pub~1',
      publicPostIds: ['7312345678901234567'],
      post: {
        publishId: 'v_pub~1',
        status: 'PUBLIC',
        publicPostIds: ['7312345678901234567'],
        urls: ['https://www.tiktok.com/@creator/video/7312345678901234567'],
        sentAt: '2026-08-01T12:00:00.000Z',
      },
      progress: known.progress,
    })
    expect(JSON.stringify(job)).not.toContain('canary')
  })

  it('has the same values whether or not other fields need what its machine keeps', async () => {
    const { slotIds } = await createRunningPlan(tenant, [60, 90])
    const id = await jobOf(slotIds[0])
    const type = schema.getType('Job')
    const leaves = isObjectType(type)
      ? Object.values(type.getFields()).flatMap(({ name, type }) =>
          isLeafType(getNamedType(type)) ? [name] : [],
        )
      : []
    const selections = [...leaves, '__typename', 'slot { id }', 'account { id }', '... on Job { state ...f }']
    for (const selection of selections) {
      const query = (more: string) => `query ($id: ID!) {
        job(id: $id) { ${selection} ${more} } jobs(first: 5) { nodes { ${selection} ${more} } edges { node { ${selection} } } }
      } ${selection.includes('...f') ? 'fragment f on Job { tag publishAt }' : ''}`
      const alone = await tenant.request(query(''), { id })
      const { availableEvents: _, ...job } = (await tenant.request(query('availableEvents'), { id })).job
      const known = selection === 'availableEvents' ? { ...job, availableEvents: _ } : job
      expect(alone.job).toEqual(known)
      expect(alone.jobs.nodes).toContainEqual(known)
      expect(alone.jobs.edges).toContainEqual({ node: known })
    }
  })

  it('is shown after each of several mutations of one request in the state that this one led to', async () => {
    const { slotIds } = await createRunningPlan(tenant)
    const id = await jobOf(slotIds[0])
    const answer = await tenant.request(
      `mutation ($input: PauseJobInput!, $resume: ResumeJobInput!) {
        first: pauseJob(input: $input) { ... on PauseJobPayload { job { state } } }
        second: resumeJob(input: $resume) { ... on ResumeJobPayload { job { state } } } }`,
      { input: { jobId: id }, resume: { jobId: id } },
    )
    expect(answer).toEqual({ first: { job: { state: 'paused' } }, second: { job: { state: 'queued' } } })
  })

  it('is settled and cannot be cancelled after its post was taken down', async () => {
    const { slotIds } = await createRunningPlan(tenant)
    const id = await jobOf(slotIds[0])
    const known = {
      post: { publishId: 'v_pub~2', uploadUrlSealed: 'canary', chunkSize: 1, chunkCount: 1 },
      publicPostIds: ['7312345678901234567'],
      sentAt: 1,
      ending: 'published',
      visibility: 'hidden',
    }
    await database.owner.pool.query(
      `update reelpilot.machine_instance set state = 'takenDown', tag = 'settled', step = null, timers = '{}', wake_at = null,
         context = context || $1::jsonb where id = $2`,
      [JSON.stringify(known), Buffer.from(id, 'base64url').toString().split(':')[1]],
    )
    const { job } = await tenant.request(wholeJob, { id })
    expect(job).toMatchObject({
      tag: 'SETTLED',
      availableEvents: [],
      post: { status: 'TAKEN_DOWN', publicPostIds: ['7312345678901234567'], urls: [] },
    })
    expect(await mutate(tenant, 'cancelJob', { jobId: id }, 'job { id }')).toMatchObject({
      code: 'NOT_PERMITTED_IN_STATE',
      state: 'takenDown',
    })
  })

  it('refuses an event that its state does not permit', async () => {
    const { slotIds } = await createRunningPlan(tenant)
    const jobId = await jobOf(slotIds[0])
    expect(await mutate(tenant, 'resumeJob', { jobId }, 'job { id }')).toMatchObject({
      __typename: 'NotPermittedInStateError',
      state: 'queued',
      event: 'resume',
    })
    const { job } = await tenant.request('query ($id: ID!) { job(id: $id) { revision } }', { id: jobId })
    expect(job.revision).toBe(1)
  })

  it('can be started by hand once its plan is approved, and a second start returns the same job', async () => {
    const { planId, slotIds } = await createDraft(tenant, [3 * 24 * 60])
    const [slotId] = slotIds
    expect(await mutate(tenant, 'startJob', { slotId }, 'job { id }')).toMatchObject({
      code: 'NOT_PERMITTED_IN_STATE',
      state: 'draft',
      event: 'startJob',
    })
    await mutate(tenant, 'submitPlanForReview', { planId })
    await mutate(tenant, 'approvePlan', { planId })
    const first = await mutate(tenant, 'startJob', { slotId }, 'job { id }')
    const second = await mutate(tenant, 'startJob', { slotId }, 'job { id }')
    expect(first.job.id).toBeTruthy()
    expect(second).toEqual(first)
  })

  it('is found by state, tag, plan and account', async () => {
    const { planId, slotIds } = await createRunningPlan(tenant, [60, 70])
    await mutate(tenant, 'pauseJob', { jobId: await jobOf(slotIds[0]) }, 'job { id }')
    const find = async (filter: object) => {
      const { jobs } = await tenant.request(
        'query ($filter: JobFilter) { jobs(filter: $filter, first: 100) { nodes { slot { id } } } }',
        { filter },
      )
      return jobs.nodes.map(({ slot }: { slot: { id: string } }) => slot.id)
    }
    expect((await find({ planId })).sort()).toEqual([...slotIds].sort())
    expect(await find({ planId, tags: ['RESTING'] })).toEqual([slotIds[0]])
    expect(await find({ planId, states: ['queued'] })).toEqual([slotIds[1]])
    expect(await find({ planId: 'nonsense' })).toEqual([])
    const accountId = globalId('Account', tenant.accountId)
    expect((await find({ planId, accountId, tags: ['RESTING', 'WORKING'] })).sort()).toEqual(
      [...slotIds].sort(),
    )
    expect(await find({ accountId, tags: ['FINAL'] })).toEqual([])
    for (const accountId of ['nonsense', planId]) expect(await find({ accountId })).toEqual([])
  })

  it('that waits for quota goes on when quota is granted', async () => {
    const { slotIds } = await createRunningPlan(tenant)
    const id = await jobOf(slotIds[0])
    const uuid = Buffer.from(id, 'base64url').toString().split(':')[1]
    await database.owner.pool.query(
      `update reelpilot.machine_instance set state = 'waitingForQuota', tag = 'waiting', step = null,
         timers = '{"x":{"event":{"type":"x"},"dueAt":4000000000000}}' where id = $1`,
      [uuid],
    )
    const granted = await mutate(
      tenant,
      'grantQuota',
      { metric: 'VIDEOS', amount: 5, reason: 'test' },
      'quota { metric granted available }',
    )
    expect(granted).toMatchObject({ quota: { metric: 'VIDEOS', granted: 1_005 } })
    const { job } = await tenant.request('query ($id: ID!) { job(id: $id) { state } }', { id })
    expect(job.state).toBe('reservingQuota')
    expect(
      await mutate(tenant, 'grantQuota', { metric: 'VIDEOS', amount: 0 }, 'quota { granted }'),
    ).toMatchObject({
      fields: [{ path: 'amount' }],
    })
  })
})

describe('a paginated list', () => {
  it('returns every item once, page by page, forwards and backwards', async () => {
    const other = await createTenant(database, await createTestApi(database))
    const { planId } = await createDraft(other, [10, 20, 30, 40, 50])
    const page = async (args: string) => {
      const { plan } = await other.request(
        `query ($id: ID!) { plan(id: $id) { slots(${args}) {
        edges { cursor node { wallTime } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`,
        { id: planId },
      )
      return plan.slots
    }
    const all = (await page('first: 100')).edges.map(
      ({ node }: { node: { wallTime: string } }) => node.wallTime,
    )
    expect(all).toHaveLength(5)
    const first = await page('first: 2')
    const second = await page(`first: 2, after: "${first.pageInfo.endCursor}"`)
    const third = await page(`first: 2, after: "${second.pageInfo.endCursor}"`)
    const walked = [first, second, third].flatMap(({ edges }) =>
      edges.map((edge: { node: { wallTime: string } }) => edge.node.wallTime),
    )
    expect(walked).toEqual(all)
    expect([first, second, third].map(({ pageInfo }) => pageInfo.hasNextPage)).toEqual([true, true, false])
    const last = await page(`last: 2, before: "${third.pageInfo.startCursor}"`)
    expect(last.edges.map((edge: { node: { wallTime: string } }) => edge.node.wallTime)).toEqual(
      all.slice(2, 4),
    )
    expect(last.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true })
  })

  it.each([
    ['first: 101'],
    ['first: 0'],
    ['first: -1'],
    ['last: 1000'],
    ['first: 1, last: 1'],
    ['after: "nonsense"'],
  ])('refuses the page %s', async (args) => {
    const response = await tenant.post(`{ plans(${args}) { nodes { id } } }`)
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', requestId: expect.any(String) } }],
    })
  })
})

it('an error in one field leaves the other fields of the response intact', async () => {
  const { planId, slotIds } = await createDraft(tenant, [60])
  const response = await tenant.post(
    `query ($id: ID!) { wrong: plan(id: $id) { slots(after: "nonsense") { nodes { id } } }
       right: plan(id: $id) { slots { nodes { id } } } }`,
    { id: planId },
  )
  expect(await response.json()).toMatchObject({
    data: { wrong: null, right: { slots: { nodes: [{ id: slotIds[0] }] } } },
    errors: [{ path: ['wrong', 'slots'], extensions: { code: 'BAD_USER_INPUT' } }],
  })
})

describe('a state machine', () => {
  it('is published with its states, its transitions, its steps and a diagram', async () => {
    const { stateMachine, stateMachines } = await tenant.request(`{
      stateMachine(name: "job") { name version initialState steps diagram states { path tag step } transitions { from event to } }
      stateMachines { name } }`)
    expect(stateMachines).toEqual([
      { name: 'job' },
      { name: 'plan' },
      { name: 'account' },
      { name: 'media' },
      { name: 'breaker' },
    ])
    expect(stateMachine.initialState).toBe('queued')
    expect(stateMachine.states).toContainEqual({
      path: 'publishing.uploading',
      tag: 'working',
      step: 'uploadChunk',
    })
    expect(stateMachine.transitions).toContainEqual({
      from: 'queued',
      event: 'openJob done',
      to: 'reservingQuota',
    })
    expect(stateMachine.transitions).toContainEqual({
      from: 'awaitingSlot',
      event: 'after untilSlot',
      to: 'publishing.preparing',
    })
    expect(stateMachine.transitions).toContainEqual({ from: '', event: 'pause', to: 'paused' })
    expect(stateMachine.steps).toEqual(
      expect.arrayContaining(['openJob', 'submitClip', 'uploadChunk', 'closeJob']),
    )
    expect(stateMachine.diagram).toMatch(/^stateDiagram-v2\n {2}\[\*\] --> queued\n/)
  })

  it('of accounts is published like that of jobs', async () => {
    const { stateMachine } = await tenant.request(
      `{ stateMachine(name: "account") { name initialState steps states { path } } }`,
    )
    expect(stateMachine).toMatchObject({ name: 'account', initialState: 'connecting' })
    expect(stateMachine.steps).toEqual(['refreshTokens', 'revokeTokens'])
    expect(stateMachine.states).toContainEqual({ path: 'refreshing.backingOff' })
  })
})
