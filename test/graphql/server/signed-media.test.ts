import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { keyRingOf } from '../../../src/vault/key-ring.ts'
import { mediaExpiry, signMediaToken } from '../../../src/vault/media-token.ts'
import { createSigner } from '../../../src/vault/signer.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { insertUploadedMedia } from '../../support/media.ts'
import {
  type Answer,
  createTenant,
  createTestApi,
  globalId,
  mutate,
  type Tenant,
  type TestApi,
  testSigner,
} from '../support.ts'

let database: TestDatabase
let api: TestApi
let address: string
let tenant: Tenant
let mediaId: string
let urls: {
  readonly url: string
  readonly posterUrl: string
  readonly thumbnails: readonly { readonly url: string }[]
}

const content = randomBytes(50_000)
const pictures = [1, 2, 3, 4].map((index) => Buffer.from(`picture ${index}`))
const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

async function store(of: Tenant, bytes: Buffer) {
  return await api.storage.put(
    of.organizationId,
    (async function* () {
      yield bytes
    })(),
  )
}

async function read(of: Tenant, id: string): Promise<Answer> {
  const { node } = await of.request(
    'query ($id: ID!) { node(id: $id) { ... on Media { url posterUrl thumbnails { url atSeconds width height } } } }',
    { id: globalId('Media', id) },
  )
  return node
}

async function insertWithPreviews(of: Tenant): Promise<string> {
  const { sha256, bytes } = await store(of, content)
  const id = await insertUploadedMedia(database, of.organizationId, { sha256, bytes })
  const previews = []
  for (const [index, picture] of pictures.entries()) {
    const size = index === 0 ? { width: 720, height: 1280 } : { width: 180, height: 320 }
    const kind = index === 0 ? 'poster' : 'thumbnail'
    previews.push({ kind, atSeconds: index, ...size, ...(await store(of, picture)) })
  }
  await database.owner.pool.query('update reelpilot.media set previews = $2 where id = $1', [
    id,
    JSON.stringify(previews),
  ])
  return id
}

beforeAll(async () => {
  database = await createTestDatabase()
  api = await createTestApi(database)
  address = await api.listen(0, '127.0.0.1')
  tenant = await createTenant(database, api)
  mediaId = await insertWithPreviews(tenant)
  urls = await read(tenant, mediaId)
})

const get = (url: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') => {
  const { pathname, search } = new URL(url)
  return fetch(`${address}${pathname}${search}`, { method, headers, redirect: 'manual' })
}
const tokenFor = (change: object = {}, expiresAt = Date.now() + 60_000, signer = testSigner) =>
  signMediaToken(
    signer,
    { organizationId: tenant.organizationId, mediaId, variant: 'file', ...change },
    expiresAt,
  )

describe('a signed address', () => {
  it('serves the file, its poster and its thumbnails to any page, without an API key', async () => {
    const response = await get(urls.url, { origin: 'https://app.example' })
    expect(response.status).toBe(200)
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': '50000',
      'accept-ranges': 'bytes',
      etag: `"${sha(content)}"`,
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'cache-control': 'private, max-age=3600, immutable',
    })
    const shown = [urls.posterUrl, ...urls.thumbnails.map(({ url }) => url)]
    for (const [index, url] of shown.entries()) {
      const picture = await get(url)
      expect(picture.headers.get('content-type')).toBe('image/jpeg')
      expect(Buffer.from(await picture.arrayBuffer())).toEqual(pictures[index])
    }
  })

  it('answers ranges, HEAD, conditions and preflights', async () => {
    const part = await get(urls.url, { range: 'bytes=100-199' })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 100-199/50000'])
    expect(Buffer.from(await part.arrayBuffer())).toEqual(content.subarray(100, 200))
    const tail = await get(urls.url, { range: 'bytes=-10' })
    expect(Buffer.from(await tail.arrayBuffer())).toEqual(content.subarray(-10))
    const head = await get(urls.url, {}, 'HEAD')
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '50000', ''])
    const etag = head.headers.get('etag') ?? ''
    expect((await get(urls.url, { 'if-none-match': etag })).status).toBe(304)
    expect((await get(urls.url, { range: 'bytes=0-1', 'if-range': '"other"' })).status).toBe(200)
    const past = await get(urls.url, { range: 'bytes=50000-' })
    expect([past.status, past.headers.get('content-range')]).toEqual([416, 'bytes */50000'])
    const preflight = await get(urls.url, { 'access-control-request-headers': 'range' }, 'OPTIONS')
    expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([
      204,
      'Range, If-Range, If-None-Match',
    ])
    expect((await get(urls.url, {}, 'POST')).status).toBe(405)
  })

  it('stays the same for an hour, and lives for one to two', async () => {
    expect((await read(tenant, mediaId)).url.split('?')[0]).toBe(urls.url.split('?')[0])
    for (const now of [0, 1, 3_599_999]) expect(mediaExpiry(now)).toBe(7_200_000)
    expect(mediaExpiry(3_600_000)).toBe(10_800_000)
  })

  it('is worth nothing once it has expired, if it is changed, for anything else, or under another key', async () => {
    const base = `http://api.test/media/${mediaId}/file?token=`
    expect((await get(base + tokenFor())).status).toBe(200)
    const stranger = await createTenant(database, api)
    const [other] = [await insertUploadedMedia(database, tenant.organizationId)]
    const forger = createSigner(() => keyRingOf([Buffer.alloc(32, 9)]))
    const bodies = new Set<string>()
    for (const url of [
      base + tokenFor({}, Date.now() - 1),
      base + tokenFor({}, undefined, forger),
      base + tokenFor({ organizationId: stranger.organizationId }),
      base + tokenFor({ variant: 'poster' }),
      base + tokenFor({ mediaId: other }),
      base + testSigner.sign('upload', [tenant.organizationId, mediaId, 'file'], Date.now() + 60_000),
      `${base}${tokenFor()}x`,
      base,
      urls.url.replace('/file', '/poster'),
      urls.url.replace('/file', '/file/..%2f..%2fsecret-key'),
      urls.url.replace('/file', '/..%2f..%2fsecret-key'),
      urls.url.replace(mediaId, randomUUID()),
      urls.url.replace(mediaId, '..'),
    ]) {
      const response = await get(url)
      expect(response.status, url).toBe(404)
      bodies.add(await response.text())
    }
    // Nothing tells a forged address from one of a file that is gone, apart from paths that are none of media.
    expect([...bodies].filter((body) => body.includes('address has expired'))).toHaveLength(1)
    for (const body of bodies) expect(body).not.toContain(tenant.organizationId)
  })

  it('serves no media of another organization under its own', async () => {
    const stranger = await createTenant(database, api)
    const token = tokenFor({ organizationId: stranger.organizationId })
    expect((await get(`http://api.test/media/${mediaId}/file?token=${token}`)).status).toBe(404)
    expect(await read(stranger, mediaId)).toBeNull()
  })

  it('survives a rotation of keys, and ends with its key', async () => {
    const [own, next] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const rotated = createSigner(() => keyRingOf([next, own]))
    expect(
      (await get(`http://api.test/media/${mediaId}/file?token=${tokenFor({}, undefined, rotated)}`)).status,
    ).toBe(404)
    const [, token = ''] = urls.url.split('token=')
    expect(rotated.verify('media', token, Date.now())).toEqual([tenant.organizationId, mediaId, 'file'])
  })

  it('ends when its media is deleted, also for API keys, and there is none before the check', async () => {
    const id = await insertUploadedMedia(
      database,
      tenant.organizationId,
      await store(tenant, randomBytes(10)),
    )
    const { url } = await read(tenant, id)
    expect((await get(url)).status).toBe(200)
    await mutate(tenant, 'deleteMedia', { mediaId: globalId('Media', id) }, 'media { id }')
    expect((await get(url)).status).toBe(404)
    expect(await read(tenant, id)).toEqual({ url: null, posterUrl: null, thumbnails: [] })
    const arriving = await insertUploadedMedia(database, tenant.organizationId, { events: [] })
    expect((await read(tenant, arriving)).url).toBeNull()
  })
})
