import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createApiKey } from '../../src/commands/tenant/create-api-key.ts'
import {
  accountMachine,
  breakerMachine,
  jobMachine,
  mediaMachine,
  planMachine,
} from '../../src/definitions/machines.ts'
import { catalogueOf } from '../../src/durable/machine.ts'
import { type Api, type ApiOptions, createApi } from '../../src/graphql/server/server.ts'
import { createAuthorizationStarter } from '../../src/inbound/authorization.ts'
import { createLogger } from '../../src/logger.ts'
import { createDiskStorage } from '../../src/providers/storage/disk-storage.ts'
import type { Storage } from '../../src/providers/storage/storage.ts'
import { createTikTokClient } from '../../src/providers/tiktok/client.ts'
import { createBoss } from '../../src/queue/boss.ts'
import { createPostgresLimiter } from '../../src/rate-limit/postgres/postgres-limiter.ts'
import { Secret } from '../../src/secret.ts'
import { createChangeNotifier } from '../../src/store/event/notify.ts'
import { grantQuota } from '../../src/store/quota/adjustments.ts'
import type { Scope } from '../../src/store/tenant/api-keys.ts'
import { createLimitSettingsCache } from '../../src/tiktok-policy/limit-settings.ts'
import { createEncryptor } from '../../src/vault/encryptor.ts'
import { keyRingOf } from '../../src/vault/key-ring.ts'
import { createSigner } from '../../src/vault/signer.ts'
import { createAccount } from '../support/account.ts'
import { afterFile } from '../support/after-file.ts'
import { createOrganization, type TestDatabase } from '../support/database.ts'

/** The API of a test file on its own database. It is closed after the file's tests. */
export interface TestApi extends Api {
  readonly storage: Storage
}

export async function createTestApi(
  database: TestDatabase,
  options: Partial<
    Pick<
      ApiOptions,
      | 'socketLimits'
      | 'log'
      | 'publicUrl'
      | 'routes'
      | 'limiter'
      | 'limitSettings'
      | 'apiBucket'
      | 'trustedDocuments'
      | 'accountsLackingKey'
      | 'server'
      | 'storage'
    >
  > = {},
): Promise<TestApi> {
  const boss = createBoss({
    url: database.url,
    role: 'reelpilot_api',
    name: 'test api',
    supervises: false,
    onError: () => undefined,
  })
  await boss.start()
  afterFile(() => boss.stop({ graceful: false }))
  const notifications = createChangeNotifier(database.api)
  afterFile(notifications.close)
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-api-'))
  afterFile(() => rm(directory, { recursive: true, force: true }))
  const storage = await createDiskStorage({ directory })
  const api = await createApi({
    connection: database.api,
    databaseUrl: database.url,
    deps: {
      boss,
      machines: catalogueOf([jobMachine, planMachine, accountMachine, mediaMachine, breakerMachine]),
    },
    authorization: testAuthorization(),
    notifications,
    storage,
    signer: testSigner,
    limiter: createPostgresLimiter({ db: database.api.db, role: 'reelpilot_api' }),
    limitSettings: createLimitSettingsCache(database.runtime.db),
    log: createLogger('error', false),
    accountsLackingKey: async () => new Set(),
    checkReadiness: async () => ({ ok: true, checks: { database: true } }),
    ...options,
  })
  let closed = false
  const close = async () => {
    if (closed) return
    closed = true
    await api.close()
  }
  afterFile(close)
  return { ...api, close, storage }
}

const ring = keyRingOf([Buffer.alloc(32, 1)])
/** Signs as the API of `createTestApi` does. */
export const testSigner = createSigner(() => ring)

function testAuthorization() {
  return createAuthorizationStarter({
    tiktok: createTikTokClient({
      apiBase: 'http://tiktok.test',
      clientKey: 'ck_test',
      clientSecret: new Secret('canary-secret'),
    }),
    encryptor: createEncryptor(() => ring),
    publicUrl: () => 'http://api.test',
  })
}

/** An organization with an account, an API key, quota and a client. */
export interface Tenant {
  readonly organizationId: string
  readonly accountId: string
  readonly key: string
  readonly keyId: string
  /** Global ids. */
  readonly ids: { readonly account: string; readonly organization: string }
  /** Sends a request and returns its data. Throws on top-level errors. */
  request<Data = Answer>(
    query: string,
    variables?: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Data>
  /** Sends a request and returns the response. */
  post(query: string, variables?: object, headers?: Readonly<Record<string, string>>): Promise<Response>
}

/** The data of a response. Tests rely on the fields that their query selects. */
// biome-ignore lint/suspicious/noExplicitAny: a type for each response would repeat its query
export type Answer = any

export async function createTenant(
  database: TestDatabase,
  api: Pick<Api, 'fetch'>,
  scopes: readonly Scope[] = ['read', 'write', 'admin'],
): Promise<Tenant> {
  const organizationId = await createOrganization(database)
  const accountId = await createAccount(database, organizationId)
  await grantQuota(database.runtime.db, organizationId, { metric: 'videos', amount: 1_000 }, null)
  await grantQuota(database.runtime.db, organizationId, { metric: 'seconds', amount: 10_000 }, null)
  const created = await createKey(database, organizationId, scopes)
  return { organizationId, accountId, ...created, ...clientFor(api, organizationId, accountId, created.key) }
}

export async function createKey(database: TestDatabase, organizationId: string, scopes: readonly Scope[]) {
  const created = await database.runtime.db
    .transaction()
    .execute((tx) => createApiKey(tx, { organizationId, name: 'Test', scopes }))
  if (created.kind !== 'done') throw new Error(created.kind)
  return { key: created.key, keyId: created.keyId }
}

export function clientFor(
  api: Pick<Api, 'fetch'>,
  organizationId: string,
  accountId: string,
  key: string,
): Pick<Tenant, 'request' | 'post' | 'ids'> {
  const post: Tenant['post'] = (query, variables = {}, headers = {}) =>
    api.fetch(
      new Request('http://api.test/graphql', {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, variables }),
      }),
    )
  return {
    post,
    ids: { account: globalId('Account', accountId), organization: globalId('Organization', organizationId) },
    async request<Data>(query: string, variables?: object, headers?: Readonly<Record<string, string>>) {
      const body = (await (await post(query, variables, headers)).json()) as {
        readonly data: Data
        readonly errors?: unknown
      }
      if (body.errors) throw new Error(JSON.stringify(body.errors))
      return body.data
    },
  }
}

export function globalId(name: string, id: string): string {
  return Buffer.from(`${name}:${id}`).toString('base64url')
}

export const storyboard = {
  title: 'Short',
  size: { width: 360, height: 640 },
  scenes: [
    { seconds: 2, text: 'A first scene' },
    { seconds: 2, text: 'And a second one' },
  ],
}

/** A valid slot input for `minutes` from now, in UTC. */
export function slotInput(minutes = 60, change: object = {}): object {
  const wallTime = new Date(Date.now() + minutes * 60_000).toISOString().slice(0, 19)
  return { wallTime, storyboard, caption: 'A caption', privacy: 'SELF_ONLY', ...change }
}

const create = /* GraphQL */ `
  mutation ($input: CreatePlanInput!) {
    createPlan(input: $input) { ... on CreatePlanPayload { plan { id } } ... on Error { code message } }
  }`
const add = /* GraphQL */ `
  mutation ($input: AddSlotsInput!) {
    addSlots(input: $input) { ... on AddSlotsPayload { slots { id } } ... on Error { code message } }
  }`

/** Creates a draft with slots at the given minutes from now. */
export async function createDraft(
  tenant: Tenant,
  minutes: readonly number[] = [60],
): Promise<{ readonly planId: string; readonly slotIds: readonly string[] }> {
  const created = await tenant.request(create, {
    input: { accountId: tenant.ids.account, name: 'Plan', timeZone: 'UTC' },
  })
  const planId: string = created.createPlan.plan.id
  if (minutes.length === 0) return { planId, slotIds: [] }
  const added = await tenant.request(add, {
    input: { planId, slots: minutes.map((each) => slotInput(each)) },
  })
  return { planId, slotIds: added.addSlots.slots.map((slot: { id: string }) => slot.id) }
}

/** Sends a mutation and returns the selected fields of its payload, or the fields of its error. */
export async function mutate(
  tenant: Tenant,
  name: string,
  input: object,
  fields = 'plan { state isLocked isAutopilotEnabled revision } scan { consideredSlotCount startedJobCount }',
): Promise<Answer> {
  const type = name.charAt(0).toUpperCase() + name.slice(1)
  const answer = await tenant.request(
    `mutation ($input: ${type}Input!) { ${name}(input: $input) {
       __typename
       ... on ${type}Payload { ${fields} }
       ... on Error { code message }
       ... on NotPermittedInStateError { state event }
       ... on InvalidInputError { fields { path message } }
       ... on NotFoundError { field }
       ${needsMedia.has(name) ? '... on MediaInUseError { slotIds }' : ''}
     } }`.replace(/\.\.\. on NotPermittedInStateError \{ state event \}/, hasStateError(name) ? '$&' : ''),
    { input },
  )
  return answer[name]
}

/** The mutations that take a media away from its posts. */
const needsMedia: ReadonlySet<string> = new Set(['deleteMedia', 'recheckMedia', 'convertMedia'])

/** Whether the result union of a mutation has NotPermittedInStateError. Validation rejects fragments on other types. */
function hasStateError(name: string): boolean {
  const never = [
    ...['createPlan', 'createApiKey', 'revokeApiKey', 'runScan', 'connectAccount'],
    ...['updateMedia', 'createUpload'],
    ...['grantQuota', 'setQuotaLimit', 'adjustQuota', 'setTimeZone'],
  ]
  return !never.includes(name)
}

/** Creates an approved plan on autopilot. Its slots of the next 24 hours have jobs. */
export async function createRunningPlan(tenant: Tenant, minutes: readonly number[] = [60]) {
  const draft = await createDraft(tenant, minutes)
  const { planId } = draft
  await mutate(tenant, 'submitPlanForReview', { planId })
  await mutate(tenant, 'setAutopilot', { planId, enabled: true })
  await mutate(tenant, 'approvePlan', { planId })
  return draft
}
