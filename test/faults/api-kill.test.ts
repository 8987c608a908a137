import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { makeApiKey } from '../../src/commands/create-api-key.ts'
import { insertConnectedAccount } from '../../src/commands/insert-account.ts'
import { startAppProcess, untilReady } from '../support/app-process.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'

const database = await createTestDatabase()
const kills = 8
const mutations = 80

it('gives every mutation exactly one effect and one answer, however often the API is killed under it', async () => {
  const { db } = database.runtime
  const organizationId = await createOrganization(database)
  const { id, key, hash } = makeApiKey()
  await db
    .insertInto('api_key')
    .values({ id, organization_id: organizationId, name: 'x', hash, scopes: ['write'] })
    .execute()
  const accountId = randomUUID()
  await insertConnectedAccount(db, {
    accountId,
    organizationId,
    creator: { openId: 'o', username: 'u', displayName: 'U', scopes: [] },
    // Nobody opens them here.
    tokens: {
      accessTokenSealed: 'a',
      refreshTokenSealed: 'r',
      expiresInSeconds: 7_200,
      refreshExpiresInSeconds: 15_552_000,
    },
  })

  const port = await freePort()
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-api-'))
  const start = () =>
    startAppProcess('api', {
      DATABASE_URL: database.url,
      REELPILOT_DATA: directory,
      PORT: String(port),
      TIKTOK_LOCAL_PORT: '0',
      LOG_LEVEL: 'error',
    })
  let app = start()
  await untilReady(port, app)

  const globalAccountId = Buffer.from(`Account:${accountId}`).toString('base64')
  const query = `mutation ($input: CreatePlanInput!) { createPlan(input: $input) { __typename ... on Error { message } } }`
  /** One attempt; null when no answer came. */
  const attempt = async (name: string): Promise<string | null> => {
    const input = { accountId: globalAccountId, name, timeZone: 'Europe/Berlin', idempotencyKey: name }
    try {
      const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables: { input } }),
        signal: AbortSignal.timeout(5_000),
      })
      const body = await response.text()
      return response.status === 200 ? body : null
    } catch {
      return null
    }
  }
  const answers = new Map<string, string>()
  let killed = 0
  for (let index = 0; index < mutations; index += 1) {
    const name = `plan ${index}`
    const due = killed < kills && index % Math.floor(mutations / kills) === 5
    const first = attempt(name)
    if (due) {
      // Somewhere inside the mutation: a different place each time.
      await new Promise((resolve) => setTimeout(resolve, killed * 2))
      app.child.kill('SIGKILL')
      await app.exited
      killed += 1
      app = start()
      await untilReady(port, app)
    }
    let answer = await first
    while (answer === null) answer = await attempt(name)
    answers.set(name, answer)
  }
  expect(killed).toBe(kills)
  expect(new Set(answers.values()).size).toBe(1)
  const plans = await db
    .selectFrom('plan')
    .select('name')
    .where('organization_id', '=', organizationId)
    .execute()
  expect(plans.map((plan) => plan.name).toSorted()).toEqual([...answers.keys()].toSorted())
  const events = await db
    .selectFrom('event')
    .select('sequence')
    .where('organization_id', '=', organizationId)
    .orderBy('sequence')
    .execute()
  expect(events.map((event) => event.sequence)).toEqual(
    Array.from({ length: mutations }, (_, index) => index + 1),
  )

  app.child.kill('SIGTERM')
  expect((await app.exited).code).toBe(0)
  await rm(directory, { recursive: true, force: true })
}, 240_000)
