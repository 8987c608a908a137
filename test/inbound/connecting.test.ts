import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sql } from 'kysely'
import { afterAll, describe, expect, it } from 'vitest'
import { connectAccount } from '../../src/commands/account/connect-account.ts'
import { sendAccountEvent } from '../../src/commands/send-event.ts'
import { accountMachine, jobMachine } from '../../src/definitions/machines.ts'
import { callbackPath, createAuthorizationStarter } from '../../src/inbound/authorization.ts'
import { sendCallbackPage } from '../../src/inbound/callback-page.ts'
import { finishConnecting } from '../../src/inbound/finish-connecting.ts'
import { createTikTokClient } from '../../src/providers/tiktok/client.ts'
import { Secret } from '../../src/secret.ts'
import { startLocalTikTok } from '../../src/simulator/local-tiktok.ts'
import { findAccounts } from '../../src/store/account/accounts.ts'
import { readTokens } from '../../src/store/account/tokens.ts'
import { inOrganization } from '../../src/store/database.ts'
import { grantQuota } from '../../src/store/quota/adjustments.ts'
import { createEncryptor } from '../../src/vault/encryptor.ts'
import { keyRingOf } from '../../src/vault/key-ring.ts'
import { storyboard } from '../graphql/support.ts'
import { roleStarter } from '../queue/support.ts'
import { createCommandDeps } from '../support/command-deps.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { insertSentJob } from '../support/sent-job.ts'
import { waitUntil } from '../support/wait.ts'

const database = await createTestDatabase()
const commandDeps = await createCommandDeps(database)
const { db } = database.runtime
const tiktok = await startLocalTikTok({ persist: false })
const ring = keyRingOf([randomBytes(32)])
const encryptor = createEncryptor(() => ring)
const client = createTikTokClient({
  apiBase: tiktok.url,
  authorizeBase: tiktok.url,
  clientKey: tiktok.app.clientKey,
  clientSecret: new Secret(tiktok.app.clientSecret),
  deadlineMs: 2_000,
})
const startRole = roleStarter(database)
const notifications = { send: () => undefined }
const deps = { ...commandDeps, db, tiktok: client, encryptor, notifications }

/** Serves TikTok's redirect, as the application does. */
const server = createServer((request, response) => {
  finishConnecting(deps, new URL(request.url ?? '/', publicUrl)).then((outcome) =>
    sendCallbackPage(response, outcome),
  )
}).listen(0, '127.0.0.1')
await once(server, 'listening')
const publicUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // A TCP server's address is an object.
const authorization = createAuthorizationStarter({ tiktok: client, encryptor, publicUrl: () => publicUrl })
afterAll(async () => {
  server.close()
  await tiktok.stop()
})

async function startConnecting(organizationId: string, accountId: string | null = null) {
  const request = { organizationId, accountId, scopes: null }
  const started = await inOrganization(database.api.db, organizationId, (tx) =>
    connectAccount(tx, commandDeps, authorization, request),
  )
  if (started.kind !== 'done') throw new Error(started.kind)
  return started
}

/** Consents in the browser; answers the redirect's URL. */
async function consent(authorizeUrl: string, parameters: Readonly<Record<string, string>>): Promise<string> {
  const url = new URL(authorizeUrl)
  for (const [name, value] of Object.entries({ auto: '1', ...parameters })) url.searchParams.set(name, value)
  const response = await fetch(url, { redirect: 'manual' })
  return response.headers.get('location') ?? `not redirected: ${await response.text()}`
}

async function openPage(url: string) {
  const response = await fetch(url)
  return { status: response.status, text: await response.text(), headers: response.headers }
}

/** A slot in one hour, of an approved plan with autopilot. */
async function insertApprovedSlot(organizationId: string, accountId: string): Promise<string> {
  await grantQuota(db, organizationId, { metric: 'videos', amount: 10 }, null)
  await grantQuota(db, organizationId, { metric: 'seconds', amount: 100 }, null)
  const [planId, slotId] = [randomUUID(), randomUUID()]
  await sql`insert into plan (id, organization_id, account_id, name, time_zone, state, revision, autopilot)
            values (${planId}, ${organizationId}, ${accountId}, 'Plan', 'UTC', 'approved', 1, true)`.execute(
    db,
  )
  const publishAt = new Date(Date.now() + 3_600_000)
  await sql`
    insert into slot (id, organization_id, plan_id, wall_time, publish_at, storyboard, caption, privacy)
    values (${slotId}, ${organizationId}, ${planId}, ${publishAt.toISOString().slice(0, 19)}, ${publishAt},
            ${JSON.stringify(storyboard)}, 'A caption', 'SELF_ONLY')`.execute(db)
  return slotId
}

const nameOf = () => `c${randomBytes(5).toString('hex')}`
const accountOf = async (organizationId: string, accountId: string) =>
  (await findAccounts(db, organizationId, [accountId]))[0]

describe('connecting an account', () => {
  it('ends with a connected account whose tokens are stored sealed', async () => {
    const organizationId = await createOrganization(database)
    const { accountId, authorizeUrl } = await startConnecting(organizationId)
    expect(await accountOf(organizationId, accountId)).toMatchObject({ state: 'connecting', openId: null })

    const username = nameOf()
    const redirect = await consent(authorizeUrl, { local_account: username })
    expect(redirect.startsWith(`${publicUrl}${callbackPath}?`)).toBe(true)
    const page = await openPage(redirect)
    expect(page.status).toBe(200)
    expect(page.text).toContain(`@${username} is connected`)
    expect(page.headers.get('referrer-policy')).toBe('no-referrer')
    expect(page.headers.get('cache-control')).toBe('no-store')

    const account = await accountOf(organizationId, accountId)
    expect(account).toMatchObject({ state: 'connected', username, creator: { maxDurationSeconds: 600 } })
    const stored = await readTokens(db, accountId)
    const associatedData = { organizationId, row: accountId, column: 'access_token' }
    expect(encryptor.open(stored?.accessTokenSealed ?? '', associatedData).reveal()).toMatch(/^act\./)
  })

  it('works once: the same redirect is refused the second time', async () => {
    const organizationId = await createOrganization(database)
    const { authorizeUrl } = await startConnecting(organizationId)
    const redirect = await consent(authorizeUrl, { local_account: nameOf() })
    expect((await openPage(redirect)).status).toBe(200)
    const second = await openPage(redirect)
    expect(second.status).toBe(410)
    expect(second.text).toContain('This link has expired')
  })

  it('is refused after 15 minutes, and for a forged or missing state', async () => {
    const organizationId = await createOrganization(database)
    const { authorizeUrl } = await startConnecting(organizationId)
    const redirect = await consent(authorizeUrl, { local_account: nameOf() })
    await sql`update connection_attempt set expires_at = now() where organization_id = ${organizationId}`.execute(
      db,
    )
    expect((await openPage(redirect)).status).toBe(410)
    expect((await openPage(`${publicUrl}${callbackPath}?code=x&scopes=&state=made-up`)).status).toBe(410)
    expect((await openPage(`${publicUrl}${callbackPath}`)).status).toBe(400)
  })

  it('that the creator declines shows a page and ends the account that was created', async () => {
    const organizationId = await createOrganization(database)
    const { accountId, authorizeUrl } = await startConnecting(organizationId)
    const page = await openPage(await consent(authorizeUrl, { local_account: nameOf(), deny: '1' }))
    expect(page.text).toContain('You declined at TikTok')
    expect(await accountOf(organizationId, accountId)).toMatchObject({ state: 'disconnected' })
  })

  it('with fewer permissions than requested shows what does not work without them', async () => {
    const organizationId = await createOrganization(database)
    const { accountId, authorizeUrl } = await startConnecting(organizationId)
    const page = await openPage(
      await consent(authorizeUrl, { local_account: nameOf(), grant: 'user.info.basic,video.upload' }),
    )
    expect(page.text).toContain('nothing can be posted directly')
    expect(await accountOf(organizationId, accountId)).toMatchObject({
      state: 'connected',
      scopes: ['user.info.basic', 'video.upload'],
    })
  })

  it('twice for the same creator keeps one account', async () => {
    const organizationId = await createOrganization(database)
    const username = nameOf()
    const first = await startConnecting(organizationId)
    await openPage(await consent(first.authorizeUrl, { local_account: username }))
    const second = await startConnecting(organizationId)
    expect((await openPage(await consent(second.authorizeUrl, { local_account: username }))).status).toBe(200)
    expect(await accountOf(organizationId, first.accountId)).toMatchObject({ state: 'connected', username })
    expect((await readTokens(db, first.accountId))?.version).toBe(3)
    expect(await accountOf(organizationId, second.accountId)).toMatchObject({
      state: 'disconnected',
      context: { failure: { code: 'ALREADY_CONNECTED' } },
    })
  })

  it('again as another creator is refused and changes nothing', async () => {
    const organizationId = await createOrganization(database)
    const [username, other] = [nameOf(), nameOf()]
    const first = await startConnecting(organizationId)
    await openPage(await consent(first.authorizeUrl, { local_account: username }))
    const before = await readTokens(db, first.accountId)
    const reconnecting = await startConnecting(organizationId, first.accountId)
    const page = await openPage(await consent(reconnecting.authorizeUrl, { local_account: other }))
    expect(page.status).toBe(409)
    expect(page.text).toContain(`@${username}`)
    expect(await readTokens(db, first.accountId)).toMatchObject({ version: before?.version })
  })

  it('whose code exchange gets no answer shows a page that says to start again', async () => {
    const organizationId = await createOrganization(database)
    const { accountId, authorizeUrl } = await startConnecting(organizationId)
    const redirect = await consent(authorizeUrl, { local_account: nameOf() })
    tiktok.injectFault({ endpoint: 'token', effect: { kind: 'dropAfter' }, nth: 1 })
    const page = await openPage(redirect)
    expect(page.status).toBe(502)
    expect(page.text).toContain('Start again')
    expect(await accountOf(organizationId, accountId)).toMatchObject({ state: 'disconnected' })
  })

  it('lets jobs go on that waited for the account', async () => {
    const organizationId = await createOrganization(database)
    const username = nameOf()
    const first = await startConnecting(organizationId)
    await openPage(await consent(first.authorizeUrl, { local_account: username }))
    const jobId = await insertSentJob(database, {
      organizationId,
      accountId: first.accountId,
      publishId: 'v_pub_file~waiting',
    })
    await sql`update machine_instance set state = 'waitingForAccount', tag = 'resting', timers = '{}', wake_at = null
               where id = ${jobId}`.execute(db)
    const reconnecting = await startConnecting(organizationId, first.accountId)
    await openPage(await consent(reconnecting.authorizeUrl, { local_account: username }))
    const job = await db
      .selectFrom('machine_instance')
      .select('state')
      .where('id', '=', jobId)
      .executeTakeFirst()
    expect(job?.state).toBe('watching.accepted')
  })

  it('starts the slots that were skipped while the account was disconnected', async () => {
    const organizationId = await createOrganization(database)
    const username = nameOf()
    const { accountId, authorizeUrl } = await startConnecting(organizationId)
    await openPage(await consent(authorizeUrl, { local_account: username }))
    const failure = { verdict: 'NEEDS_USER', code: 'x', message: 'x' } as const
    await db.transaction().execute((tx) =>
      sendAccountEvent(tx, commandDeps, {
        organizationId,
        accountId,
        event: { type: 'authorizationRemoved', createdAt: Date.now(), failure },
      }),
    )
    const slotId = await insertApprovedSlot(organizationId, accountId)
    await startRole({ machines: [jobMachine, accountMachine], concurrency: 0 })
    const decisions = async () => {
      const { rows } = await sql<{ reason: string; decision: string }>`
        select scan.reason, decision from scan_decision join scan on scan.id = scan_id
         where slot_id = ${slotId} order by scan.created_at`.execute(db)
      return rows
    }
    // The worker scans at its start, and runs the scan that the first grant queued.
    const seen = await waitUntil(decisions, ({ length }) => length > 1)
    expect(new Set(seen.map(({ reason }) => reason))).toEqual(new Set(['boot', 'account']))
    expect(seen.map(({ decision }) => decision)).toEqual(['ACCOUNT_UNHEALTHY', 'ACCOUNT_UNHEALTHY'])

    const reconnecting = await startConnecting(organizationId, accountId)
    await openPage(await consent(reconnecting.authorizeUrl, { local_account: username }))
    await waitUntil(decisions, ({ length }) => length > 2)
    expect((await decisions()).at(2)).toEqual({ reason: 'account', decision: 'ENQUEUED' })
    const job = await db
      .selectFrom('machine_instance')
      .select('state')
      .where('slot_id', '=', slotId)
      .executeTakeFirst()
    expect(job?.state).toBe('queued')
  })

  it('again is refused for another organization’s account', async () => {
    const [mine, other] = [await createOrganization(database), await createOrganization(database)]
    const { accountId } = await startConnecting(mine)
    await expect(startConnecting(other, accountId)).rejects.toThrow('missing')
  })
})
