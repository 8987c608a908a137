import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { createDraft, createTenant, mutate } from '../../graphql/support.ts'
import { type AppProcess, startAppProcess, untilReady } from '../../support/app-process.ts'
import { createTestDatabase } from '../../support/database.ts'
import { freePort } from '../../support/free-port.ts'
import { type Moment, startPostgresProxy } from '../../support/postgres-proxy.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
const proxy = await startPostgresProxy(database.url)
const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-api-'))
const port = await freePort()
let app: AppProcess

afterAll(async () => {
  app.child.kill('SIGKILL')
  await app.exited
  await proxy.close()
  await rm(directory, { recursive: true, force: true })
})

const secretKey = randomBytes(32).toString('base64')

async function start(): Promise<void> {
  app = startAppProcess('api', {
    DATABASE_URL: proxy.url,
    // The test's accounts already have tokens, so the start would generate no key.
    REELPILOT_SECRET_KEY: secretKey,
    REELPILOT_DATA: directory,
    PORT: String(port),
    TIKTOK_LOCAL_PORT: '0',
    LOG_LEVEL: 'error',
    API_COST_LIMIT: '1000000',
  })
  await untilReady(port, app)
}

async function killAndStart(): Promise<void> {
  app.child.kill('SIGKILL')
  await app.exited
  await start()
}

const moments: readonly Moment[] = ['claiming', 'working', 'committing', 'committed']
const randomKills = inForm(2, 4)
const slots = inForm(13, 41)

it('a client that retries gets exactly one job, whenever the API is killed', async () => {
  await start()
  const tenant = await createTenant(database, {
    fetch: (request) => {
      const { pathname } = new URL(request.url)
      return fetch(new Request(`http://127.0.0.1:${port}${pathname}`, request))
    },
  })
  const minutes = Array.from({ length: slots }, (_, index) => 60 + index)
  const { planId, slotIds } = await createDraft(tenant, minutes)
  await mutate(tenant, 'submitPlanForReview', { planId })
  await mutate(tenant, 'approvePlan', { planId })

  const mutation = `mutation ($input: StartJobInput!) { startJob(input: $input) { __typename
    ... on StartJobPayload { job { id revision updatedAt slot { id } } } ... on Error { code } } }`
  interface Answer {
    readonly text: string
    readonly isReplay: boolean
  }
  /** One attempt; null without a response, or if the response asks to retry. */
  const attempt = async (slotId: string): Promise<Answer | null> => {
    try {
      const response = await tenant.post(mutation, { input: { slotId, idempotencyKey: `start ${slotId}` } })
      const text = await response.text()
      const isOver = response.status === 200 && !text.includes('IDEMPOTENCY_IN_PROGRESS')
      return isOver ? { text, isReplay: response.headers.has('idempotent-replayed') } : null
    } catch {
      return null
    }
  }
  const insist = async (slotId: string): Promise<Answer> => (await attempt(slotId)) ?? (await insist(slotId))

  const [first = '', ...others] = slotIds
  const answers = new Map<string, Answer>()
  // One client: the API is killed at each moment of its transaction in turn.
  for (const moment of moments) {
    const killed = proxy.stopAt(moment, () => app.child.kill('SIGKILL'))
    const answer = attempt(first)
    await killed
    expect(await answer).toBeNull()
    await killAndStart()
  }
  const afterCommit = await insist(first)
  expect(afterCommit.isReplay).toBe(true)
  answers.set(first, afterCommit)

  // Many clients, with kills at random times.
  for (const [index, slotId] of others.entries()) {
    const answer = attempt(slotId)
    if (index % Math.floor(others.length / randomKills) === 4) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 15))
      await killAndStart()
    }
    answers.set(slotId, (await answer) ?? (await insist(slotId)))
  }

  // Another request replays the first response.
  for (const [slotId, { text }] of answers) expect(await insist(slotId)).toEqual({ text, isReplay: true })
  const startedJobs = [...answers.values()].map(({ text }) => JSON.parse(text).data.startJob)
  expect(startedJobs.map(({ job }) => job?.slot.id)).toEqual(slotIds)
  expect(new Set(startedJobs.map(({ job }) => job.id)).size).toBe(slots)

  const { rows } = await database.owner.pool.query(
    `select (select count(*) from reelpilot.machine_instance job where organization_id = $1 and slot_id is not null) as jobs,
            (select count(*) from reelpilot.event where organization_id = $1 and type = 'job.transitioned') as events,
            (select sum(reserved) from reelpilot.quota where organization_id = $1 and metric = 'videos') as reserved,
            (select count(*) from reelpilot.idempotency_key where organization_id = $1) as keys`,
    [tenant.organizationId],
  )
  expect(rows).toEqual([{ jobs: slots, events: slots, reserved: String(slots), keys: slots }])
  const { rows: events } = await database.owner.pool.query(
    'select sequence from reelpilot.event where organization_id = $1 order by sequence',
    [tenant.organizationId],
  )
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1))
}, 600_000)
