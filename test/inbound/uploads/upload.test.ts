import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { UploadFiles } from '../../../src/inbound/uploads/upload-files.ts'
import { createUploadRoute } from '../../../src/inbound/uploads/upload-route.ts'
import { createLogger } from '../../../src/logger.ts'
import { createDiskStorage } from '../../../src/providers/storage/disk-storage.ts'
import type { Storage } from '../../../src/providers/storage/storage.ts'
import { createChangeNotifier } from '../../../src/store/event/notify.ts'
import { auditQuota } from '../../../src/store/quota/audit.ts'
import { keyRingOf } from '../../../src/vault/key-ring.ts'
import { createSigner } from '../../../src/vault/signer.ts'
import { signUploadToken } from '../../../src/vault/upload-token.ts'
import {
  type Answer,
  createKey,
  createTenant,
  createTestApi,
  globalId,
  mutate,
  type Tenant,
  type TestApi,
  testSigner,
} from '../../graphql/support.ts'
import { afterFile } from '../../support/after-file.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase
let storage: Storage
let files: UploadFiles
let route: ReturnType<typeof createUploadRoute>
let address: string
let tenant: Tenant
let api: TestApi

beforeAll(async () => {
  database = await createTestDatabase()
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-uploads-'))
  afterFile(() => rm(directory, { recursive: true, force: true }))
  storage = await createDiskStorage({ directory: path.join(directory, 'media') })
  files = await UploadFiles.open(path.join(directory, 'uploads'))
  const notifications = createChangeNotifier(database.api)
  afterFile(notifications.close)
  route = createUploadRoute({
    db: database.api.db,
    deps: await createCommandDeps(database),
    notifications,
    storage,
    signer: testSigner,
    files,
    publicUrl: undefined,
    log: createLogger('error', false),
  })
  api = await createTestApi(database, { routes: [route] })
  address = await api.listen(0, '127.0.0.1')
  tenant = await createTenant(database, api)
})

const sha = (content: Buffer) => createHash('sha256').update(content).digest('hex')
const base64 = (text: string) => Buffer.from(text).toString('base64')
const mp4 = { filetype: 'video/mp4', filename: 'Beach.mp4' }

/** Sends a request of the tus protocol. */
function tus(
  method: string,
  url: string,
  options: {
    readonly key?: string
    readonly offset?: number
    readonly length?: number | string
    readonly metadata?: Readonly<Record<string, string>>
    readonly body?: Buffer
  } = {},
): Promise<Response> {
  const { key = tenant.key, offset, length, metadata, body } = options
  return fetch(new URL(url, address), {
    method,
    headers: {
      'tus-resumable': '1.0.0',
      authorization: `Bearer ${key}`,
      ...(offset !== undefined && {
        'upload-offset': String(offset),
        'content-type': 'application/offset+octet-stream',
      }),
      ...(length !== undefined && { 'upload-length': String(length) }),
      ...(metadata && {
        'upload-metadata': Object.entries(metadata)
          .map(([name, value]) => `${name} ${base64(value)}`)
          .join(','),
      }),
    },
    ...(body && { body: new Uint8Array(body) }),
  })
}

async function create(length: number, metadata: Readonly<Record<string, string>> = mp4, key = tenant.key) {
  const response = await tus('POST', '/uploads', { length, metadata, key })
  expect(response.status).toBe(201)
  return response.headers.get('location') ?? ''
}
const send = (url: string, body: Buffer, offset = 0, key = tenant.key) =>
  tus('PATCH', url, { body, offset, key })
const offsetOf = async (url: string) => (await tus('HEAD', url)).headers.get('upload-offset')
const idIn = (url: string) => url.split('/').at(-1) ?? ''
const codeOf = async (response: Response) => {
  const { errors } = (await response.json()) as Answer
  return [response.status, errors[0].extensions.code]
}

async function read(mediaId: string, of = tenant): Promise<Answer> {
  const { node } = await of.request(
    'query ($id: ID!) { node(id: $id) { ... on Media { state title sha256 sizeBytes duplicateOf { id } addedBy { id } } } }',
    { id: globalId('Media', mediaId) },
  )
  return node
}
const announce = (input: object, fields = 'media { id state } uploadUrl token expiresAt') =>
  mutate(tenant, 'createUpload', { contentType: 'video/mp4', ...input }, fields)
const content = (bytes = 5_000) => randomBytes(bytes)

describe('an upload', () => {
  it('arrives in parts, is stored whole, and is being checked', async () => {
    const bytes = content(9_000)
    const url = await create(bytes.length)
    expect(await read(idIn(url))).toMatchObject({ state: 'UPLOADING', title: 'Beach.mp4', sizeBytes: 9_000 })
    expect((await send(url, bytes.subarray(0, 4_000))).status).toBe(204)
    expect(await offsetOf(url)).toBe('4000')
    const last = await send(url, bytes.subarray(4_000), 4_000)
    expect([last.status, last.headers.get('upload-offset')]).toEqual([204, '9000'])
    expect(await read(idIn(url))).toEqual({
      state: 'CHECKING',
      title: 'Beach.mp4',
      sha256: sha(bytes),
      sizeBytes: 9_000,
      duplicateOf: null,
      addedBy: { id: globalId('ApiKey', tenant.keyId) },
    })
    expect(await storage.verify(tenant.organizationId, sha(bytes))).toBe('intact')
    expect(await files.list()).toEqual([])
    // A client whose last answer was lost finds that nothing is missing.
    expect(await offsetOf(url)).toBe('9000')
    expect(await codeOf(await send(url, bytes, 0))).toEqual([409, 'UPLOAD_COMPLETE'])
  })

  it('counts its bytes once, in the quota and in the audit', async () => {
    const own = await createTenant(database, api)
    const bytes = content()
    for (let times = 0; times < 2; times += 1) {
      const url = await create(bytes.length, mp4, own.key)
      expect((await send(url, bytes, 0, own.key)).status).toBe(204)
    }
    const { rows } = await database.owner.pool.query(
      `select sum(used)::float8 as used from reelpilot.quota where metric = 'storageBytes' and organization_id = $1`,
      [own.organizationId],
    )
    expect(rows[0].used).toBe(bytes.length)
    expect(await auditQuota(database.runtime.db, own.organizationId)).toEqual([])
  })

  it('of content that is here already becomes a duplicate, and restores a deleted media', async () => {
    const bytes = content()
    const [first, second] = [await create(bytes.length), await create(bytes.length)]
    await send(first, bytes)
    await mutate(tenant, 'deleteMedia', { mediaId: globalId('Media', idIn(first)) }, 'media { state }')
    expect((await send(second, bytes)).status).toBe(204)
    expect(await read(idIn(second))).toMatchObject({
      state: 'DUPLICATE',
      sha256: null,
      duplicateOf: { id: globalId('Media', idIn(first)) },
    })
    expect((await read(idIn(first))).state).toBe('CHECKING')
    expect(await offsetOf(second)).toBe(String(bytes.length))
  })

  it('of equal content twice at the same moment is stored as one media', async () => {
    const bytes = content()
    const urls = [await create(bytes.length), await create(bytes.length), await create(bytes.length)]
    const responses = await Promise.all(urls.map((url) => send(url, bytes)))
    expect(responses.map(({ status }) => status)).toEqual([204, 204, 204])
    const states = await Promise.all(urls.map(async (url) => (await read(idIn(url))).state))
    expect(states.toSorted()).toEqual(['CHECKING', 'DUPLICATE', 'DUPLICATE'])
  })

  it('whose process ended after the last byte is completed by the sweep, or when its client asks', async () => {
    const [one, two] = [content(), content()]
    const urls = [await create(one.length), await create(two.length)]
    for (const [index, bytes] of [one, two].entries()) {
      const mediaId = idIn(urls[index] ?? '')
      // What a process that is killed at this moment leaves: all bytes, and nothing recorded.
      await files.store.write(
        (async function* () {
          yield bytes
        })() as never,
        files.nameOf(tenant.organizationId, mediaId),
        0,
      )
    }
    expect((await read(idIn(urls[0] ?? ''))).state).toBe('UPLOADING')
    expect(await offsetOf(urls[0] ?? '')).toBe(String(one.length))
    expect(await read(idIn(urls[0] ?? ''))).toMatchObject({ state: 'CHECKING', sha256: sha(one) })
    await route.sweep()
    expect(await read(idIn(urls[1] ?? ''))).toMatchObject({ state: 'CHECKING', sha256: sha(two) })
    expect(await files.list()).toEqual([])
  })

  it('that is given up or has expired leaves no bytes', async () => {
    const [given, expired] = [await create(100), await create(100)]
    await send(given, content(50))
    await send(expired, content(50))
    expect((await tus('DELETE', given)).status).toBe(204)
    await database.owner.pool.query(
      `update reelpilot.machine_instance set state = 'expired', tag = 'final', wake_at = null, timers = '{}' where id = $1`,
      [idIn(expired)],
    )
    await route.sweep()
    expect(await files.list()).toEqual([])
    for (const url of [given, expired]) expect((await send(url, content(50), 50)).status).toBe(410)
    expect((await read(idIn(given))).state).toBe('EXPIRED')
  })

  it('whose content is not the announced one is refused, stores nothing, and can be sent again', async () => {
    const bytes = content()
    const { token, media } = await announce({ sizeBytes: bytes.length, sha256: sha(bytes) })
    const begin = () => tus('POST', '/uploads', { key: token, length: bytes.length })
    const url = (await begin()).headers.get('location') ?? ''
    expect(await codeOf(await send(url, content(), 0, token))).toEqual([460, 'CHECKSUM_MISMATCH'])
    expect((await begin()).headers.get('location')).toBe(url)
    expect((await send(url, bytes, 0, token)).status).toBe(204)
    expect(await read(idIn(url))).toMatchObject({ state: 'CHECKING', sha256: sha(bytes) })
    expect(globalId('Media', idIn(url))).toBe(media.id)
  })
})

describe('createUpload', () => {
  it('gives a token for one media, with which a browser needs no API key', async () => {
    const bytes = content()
    const { uploadUrl, token, media, expiresAt } = await announce({ sizeBytes: bytes.length, title: 'Mine' })
    expect(uploadUrl).toBe('http://api.test/uploads')
    expect(media.state).toBe('UPLOADING')
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(23 * 3_600_000)
    const begun = await tus('POST', '/uploads', { key: token, length: bytes.length })
    const url = begun.headers.get('location') ?? ''
    expect([begun.status, globalId('Media', idIn(url))]).toEqual([201, media.id])
    await send(url, bytes.subarray(0, 1_000), 0, token)
    // The answer to the first POST was lost.
    expect((await tus('POST', '/uploads', { key: token, length: bytes.length })).status).toBe(201)
    expect(await offsetOf(url)).toBe('1000')
    expect((await send(url, bytes.subarray(1_000), 1_000, token)).status).toBe(204)
    expect(await read(idIn(url))).toMatchObject({ state: 'CHECKING', title: 'Mine' })
    const other = await create(100)
    expect((await send(other, content(100), 0, token)).status).toBe(404)
    expect(
      (await fetch(`${address}/graphql`, { headers: { authorization: `Bearer ${token}` } })).status,
    ).toBe(401)
  })

  it('asks for no bytes that are here already', async () => {
    const bytes = content()
    const url = await create(bytes.length)
    await send(url, bytes)
    expect(await announce({ sizeBytes: bytes.length, sha256: sha(bytes) })).toMatchObject({
      media: { id: globalId('Media', idIn(url)) },
      uploadUrl: null,
      token: null,
      expiresAt: null,
    })
    const again = await create(bytes.length, { ...mp4, sha256: sha(bytes) })
    expect(idIn(again)).toBe(idIn(url))
  })

  it.each([
    [{ sizeBytes: 5_000_000_000 }, 'sizeBytes'],
    [{ sizeBytes: 4_000_000_001 }, 'sizeBytes'],
    [{ sizeBytes: 0 }, 'sizeBytes'],
    [{ sizeBytes: 1, contentType: 'text/html' }, 'contentType'],
    [{ sizeBytes: 1, sha256: 'ABC' }, 'sha256'],
    [{ sizeBytes: 1, tags: [''] }, 'tags.0'],
  ])('refuses %j', async (input, field) => {
    expect(await announce(input)).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: field }] })
  })

  it('replays a token that works', async () => {
    const input = { sizeBytes: 10, idempotencyKey: randomUUID() }
    const [first, replayed] = [await announce(input), await announce(input)]
    expect(replayed).toEqual(first)
  })
})

describe('before the first byte', () => {
  it.each([
    ['5 GB', { length: 5_000_000_000, metadata: mp4 }, 413],
    ['another type', { length: 10, metadata: { filetype: 'text/html' } }, 415],
    ['no type', { length: 10 }, 415],
    ['no length', { metadata: mp4 }, 400],
    ['a length that is none', { length: '1e3', metadata: mp4 }, 400],
    ['a hash that is none', { length: 10, metadata: { ...mp4, sha256: 'x' } }, 400],
  ])('%s is refused', async (_what, options, status) => {
    const before = await files.list()
    expect((await tus('POST', '/uploads', options)).status).toBe(status)
    expect(await files.list()).toEqual(before)
  })

  it('a request without a valid key or token is refused', async () => {
    const stranger = createSigner(() => keyRingOf([Buffer.alloc(32, 9)]))
    const grant = { organizationId: tenant.organizationId, mediaId: randomUUID(), keyId: tenant.keyId }
    const forged = signUploadToken(stranger, grant, Date.now() + 60_000)
    const expired = signUploadToken(testSigner, grant, Date.now() - 1)
    const misused = testSigner.sign(
      'media',
      [grant.organizationId, grant.mediaId, grant.keyId],
      Date.now() + 60_000,
    )
    for (const key of ['rp_live_nothing', forged, expired, misused, `${forged}x`, ''])
      expect((await tus('POST', '/uploads', { key, length: 10, metadata: mp4 })).status, key).toBe(401)
    const { key: reader } = await createKey(database, tenant.organizationId, ['read'])
    expect((await tus('POST', '/uploads', { key: reader, length: 10, metadata: mp4 })).status).toBe(403)
  })

  it('a token ends with the API key that created it', async () => {
    const own = await createKey(database, tenant.organizationId, ['write'])
    const url = await create(100, mp4, own.key)
    const grant = { organizationId: tenant.organizationId, mediaId: idIn(url), keyId: own.keyId }
    const token = signUploadToken(testSigner, grant, Date.now() + 60_000)
    expect((await tus('HEAD', url, { key: token })).status).toBe(200)
    await mutate(tenant, 'revokeApiKey', { apiKeyId: globalId('ApiKey', own.keyId) }, 'apiKey { id }')
    expect((await tus('HEAD', url, { key: token })).status).toBe(401)
  })

  it('an upload of another organization, and a path that leads elsewhere, does not exist', async () => {
    const stranger = await createTenant(database, api)
    const url = await create(100)
    const asStranger = { key: stranger.key }
    expect((await tus('HEAD', url, asStranger)).status).toBe(404)
    expect((await send(url, content(100), 0, stranger.key)).status).toBe(404)
    expect((await tus('DELETE', url, asStranger)).status).toBe(404)
    for (const name of ['..%2f..%2fsecret-key', '%2e%2e/secret-key', randomUUID(), 'x', `${idIn(url)}.json`])
      expect((await tus('HEAD', `/uploads/${name}`)).status, name).toBe(404)
    // The library's own GET would serve the bytes.
    expect((await tus('GET', url)).status).toBe(405)
    expect((await read(idIn(url))).state).toBe('UPLOADING')
  })

  it('pages of other origins may ask', async () => {
    const preflight = await fetch(`${address}/uploads`, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/Authorization/i)
    expect(preflight.headers.get('tus-extension')).toBe(
      'creation,creation-with-upload,termination,expiration',
    )
    const refused = await tus('POST', '/uploads', { key: 'x', length: 1 })
    expect(refused.headers.get('access-control-allow-origin')).toBe('*')
  })
})

describe('the quota of stored bytes', () => {
  it('has room for all unfinished uploads together, and can fill up while one arrives', async () => {
    const own = await createTenant(database, api)
    const limited = { metric: 'STORAGE_BYTES', period: 'TOTAL', amount: 10_000, enforcement: 'HARD' }
    expect(await mutate(own, 'setQuotaLimit', limited, '__typename')).toMatchObject({
      __typename: 'SetQuotaLimitPayload',
    })
    const bytes = content(6_000)
    const url = await create(6_000, mp4, own.key)
    const refused = await tus('POST', '/uploads', { key: own.key, length: 4_001, metadata: mp4 })
    expect(await codeOf(refused)).toEqual([413, 'QUOTA_EXCEEDED'])
    expect((await send(url, bytes.subarray(0, 3_000), 0, own.key)).status).toBe(204)
    const setUsed = (used: number) =>
      database.owner.pool.query(
        `update reelpilot.quota set used = $2 where organization_id = $1 and metric = 'storageBytes'`,
        [own.organizationId, used],
      )
    await setUsed(5_000)
    const full = await send(url, bytes.subarray(3_000), 3_000, own.key)
    expect(await codeOf(full)).toEqual([413, 'QUOTA_EXCEEDED'])
    expect((await read(idIn(url), own)).state).toBe('UPLOADING')
    await setUsed(0)
    expect((await send(url, bytes.subarray(3_000), 3_000, own.key)).status).toBe(204)
    expect(await storage.verify(own.organizationId, sha(bytes))).toBe('intact')
  })
})
