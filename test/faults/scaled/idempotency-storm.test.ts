import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { createKey, globalId } from '../../graphql/support.ts'
import { createAccount } from '../../support/account.ts'
import { startAppProcess, untilReady } from '../../support/app-process.ts'
import { createOrganization, createTestDatabase } from '../../support/database.ts'
import { freePort } from '../../support/free-port.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
const keyCount = inForm(20, 50)
const keys = Array.from({ length: keyCount }, () => randomUUID())
const timesEach = inForm(5, 10)
const minutes = 5

const query = `mutation ($input: CreatePlanInput!) {
  createPlan(input: $input) { __typename ... on CreatePlanPayload { plan { id name updatedAt } } ... on Error { code } } }`

it('concurrent requests with one idempotency key to two processes have one effect and one response', async () => {
  const organizationId = await createOrganization(database)
  const accountId = globalId('Account', await createAccount(database, organizationId))
  const { key: apiKey } = await createKey(database, organizationId, ['write'])
  const ports = [await freePort(), await freePort()]
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-api-'))
  const secretKey = randomBytes(32).toString('base64')
  const apps = ports.map((port) =>
    startAppProcess('api', {
      DATABASE_URL: database.url,
      // The test's accounts already have tokens, so the start would generate no key.
      REELPILOT_SECRET_KEY: secretKey,
      REELPILOT_DATA: directory,
      PORT: String(port),
      TIKTOK_LOCAL_PORT: '0',
      LOG_LEVEL: 'error',
      API_COST_LIMIT: '1000000',
      IDEMPOTENCY_MINUTES: String(minutes),
    }),
  )
  for (const [index, app] of apps.entries()) await untilReady(ports[index] ?? 0, app)

  const send = async (idempotencyKey: string, port: number | undefined) => {
    const input = { accountId, name: idempotencyKey, timeZone: 'UTC', idempotencyKey }
    const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables: { input } }),
    })
    return { text: await response.text(), isReplay: response.headers.get('idempotent-replayed') === 'true' }
  }
  let isOver = false
  /** Changes the plans all the time, so that a response that is built again would differ. */
  const rename = async () => {
    while (!isOver) await database.owner.pool.query(`update reelpilot.plan set name = left(name || '!', 200)`)
  }
  const renaming = rename()
  const requests = Array.from({ length: timesEach }, (_, time) =>
    keys.map((key, index) => send(key, ports[(index + time) % 2]).then((answer) => ({ key, ...answer }))),
  )
  const answers = await Promise.all(requests.flat())
  isOver = true
  await renaming

  for (const key of keys) {
    const own = answers.filter((answer) => answer.key === key)
    expect(own).toHaveLength(timesEach)
    expect(new Set(own.map(({ text }) => text)).size).toBe(1)
    expect(own.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
    expect(JSON.parse(own[0]?.text ?? '')).toMatchObject({ data: { createPlan: { plan: { name: key } } } })
  }
  const counts = await database.owner.pool.query(
    `select (select count(*) from reelpilot.plan where organization_id = $1) as plans,
            (select count(*) from reelpilot.event where organization_id = $1 and type = 'plan.created') as events,
            (select count(*) from reelpilot.idempotency_key where organization_id = $1
                and expires_at - created_at = make_interval(mins => $2)) as keys`,
    [organizationId, minutes],
  )
  expect(counts.rows).toEqual([{ plans: keyCount, events: keyCount, keys: keyCount }])

  for (const { child, exited } of apps) {
    child.kill('SIGTERM')
    expect((await exited).code).toBe(0)
  }
  await rm(directory, { recursive: true, force: true })
}, 600_000)
