import { createHash, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { beforeAll, describe, expect, it } from 'vitest'
import { deletionGraceMs } from '../../../../machines/media.ts'
import { recordUsage } from '../../../../src/commands/quota/settle-quota.ts'
import { mediaMachine } from '../../../../src/definitions/machines.ts'
import { failureEvent } from '../../../../src/durable/decide.ts'
import { leafPaths } from '../../../../src/durable/machine.ts'
import { mediaStateOf } from '../../../../src/graphql/schema/media/media-view.ts'
import { purgeMedia } from '../../../../src/steps/media/purge-media.ts'
import { insertStoredVideo } from '../../../../src/store/media/stored-video.ts'
import { auditQuota } from '../../../../src/store/quota/audit.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { insertUploadedMedia, received, toReady, type UploadedMedia } from '../../../support/media.ts'
import {
  type Answer,
  createRunningPlan,
  createTenant,
  createTestApi,
  globalId,
  mutate,
  type Tenant,
  type TestApi,
} from '../../support.ts'

let database: TestDatabase
let api: TestApi
let tenant: Tenant

beforeAll(async () => {
  database = await createTestDatabase()
  api = await createTestApi(database)
  tenant = await createTenant(database, api)
})

const sha = (text: string) => createHash('sha256').update(text).digest('hex')
const upload = async (media: UploadedMedia, of = tenant) =>
  globalId('Media', await insertUploadedMedia(database, of.organizationId, media))

async function list(filter: object | null, of = tenant, page = 'first: 50'): Promise<string[]> {
  const { media } = await of.request(
    `query ($filter: MediaFilter) { media(${page}, filter: $filter) { edges { node { title } } } }`,
    { filter },
  )
  return media.edges.map(({ node }: Answer) => node.title)
}

async function read(id: string, fields: string, of = tenant): Promise<Answer> {
  const { node } = await of.request(`query ($id: ID!) { node(id: $id) { ... on Media { ${fields} } } }`, {
    id,
  })
  return node
}

async function generate(content: string, bytes = 2_000): Promise<string> {
  const { organizationId } = tenant
  const { db } = database.runtime
  const video = { organizationId, sha256: sha(content), bytes, seconds: 5, width: 1080, height: 1920 }
  expect(await insertStoredVideo(db, video)).toBe(true)
  const use = { metric: 'storageBytes', amount: bytes, key: null, jobId: null } as const
  await db.transaction().execute((tx) => recordUsage(tx, { organizationId, at: Date.now(), ...use }))
  const { rows } = await database.owner.pool.query('select id from reelpilot.media where sha256 = $1', [
    sha(content),
  ])
  return globalId('Media', rows[0].id)
}

const idOf = (globalIdText: string) => Buffer.from(globalIdText, 'base64url').toString().slice(6)

describe('a media', () => {
  it('is a node with what was measured', async () => {
    const id = await upload({ title: 'Beach', tags: ['summer'], bytes: 1_234 })
    expect(
      await read(
        id,
        `origin kind title tags state availableEvents failure { code } sha256 sizeBytes contentType durationSeconds
         width height frameRate container videoCodec audioCodec duplicateOf { id } addedBy { id } deletedAt restorableUntil`,
      ),
    ).toEqual({
      origin: 'UPLOADED',
      kind: 'VIDEO',
      title: 'Beach',
      tags: ['summer'],
      state: 'READY',
      availableEvents: ['delete', 'recheck'],
      failure: null,
      sha256: sha(idOf(id)),
      sizeBytes: 1_234,
      contentType: 'video/mp4',
      durationSeconds: 10,
      width: 1080,
      height: 1920,
      frameRate: 30,
      container: 'mp4',
      videoCodec: 'h264',
      audioCodec: 'aac',
      duplicateOf: null,
      addedBy: null,
      deletedAt: null,
      restorableUntil: null,
    })
  })

  it('has no measures, no hash and no address before it has a file, but the size that was announced', async () => {
    const id = await upload({ title: 'On its way', bytes: 77, events: [] })
    expect(await read(id, 'state url sha256 sizeBytes durationSeconds width availableEvents')).toEqual({
      state: 'UPLOADING',
      url: null,
      sha256: null,
      sizeBytes: 77,
      durationSeconds: null,
      width: null,
      availableEvents: ['delete'],
    })
  })

  it('says why it was refused', async () => {
    const failure = { verdict: 'FIX_MEDIA', code: 'MEDIA_UNREADABLE', message: 'The file is empty.' } as const
    const events = [received, failureEvent('checkUpload', { kind: 'needsPerson', failure })]
    const id = await upload({ title: 'Broken', events })
    expect(await read(id, 'state failure { code verdict message }')).toEqual({ state: 'REFUSED', failure })
  })

  it('of another organization is null by its id, missing in mutations, and in no list', async () => {
    const stranger = await createTenant(database, api)
    const id = await upload({ title: 'Secret' })
    expect(await read(id, 'title', stranger)).toBeNull()
    expect(await list(null, stranger)).toEqual([])
    for (const [name, input] of [
      ['updateMedia', { mediaId: id, title: 'Mine' }],
      ['deleteMedia', { mediaId: id }],
      ['restoreMedia', { mediaId: id }],
    ] as const)
      expect(await mutate(stranger, name, input, 'media { id }')).toMatchObject({
        code: 'NOT_FOUND',
        field: 'mediaId',
      })
    expect(await read(id, 'title state')).toEqual({ title: 'Secret', state: 'READY' })
  })

  it('has a state for each state of its machine', () => {
    for (const path of leafPaths(mediaMachine)) if (path !== 'added') mediaStateOf(path)
    expect(() => mediaStateOf('elsewhere')).toThrow('no state')
  })
})

describe('the media library', () => {
  let own: Tenant
  beforeAll(async () => {
    own = await createTenant(database, api)
    const add = (media: UploadedMedia) => upload(media, own)
    await add({ title: 'Beach at dawn', tags: ['summer', 'sea'] })
    await add({ title: 'BEACH ball', tags: ['summer'] })
    await add({ title: '100% wool_', kind: 'audio' })
    await add({ title: 'Half', events: [] })
    await add({ title: 'Gone', events: [...toReady, { type: 'delete' }] })
    await add({ title: 'Expired', events: [{ type: 'abandon' }] })
    await database.owner.pool.query(
      `update reelpilot.media set deleted_at = now() where title = 'Gone' and organization_id = $1`,
      [own.organizationId],
    )
  })

  it('lists the newest first, without what was deleted or came to nothing', async () => {
    expect(await list(null, own)).toEqual(['Half', '100% wool_', 'BEACH ball', 'Beach at dawn'])
    expect(await list(null, own, 'first: 2')).toEqual(['Half', '100% wool_'])
  })

  it.each([
    [{ states: ['READY'] }, ['100% wool_', 'BEACH ball', 'Beach at dawn']],
    [{ states: ['UPLOADING', 'EXPIRED'] }, ['Expired', 'Half']],
    [{ states: ['DELETED'] }, ['Gone']],
    [{ states: [] }, []],
    [{ kinds: ['AUDIO'] }, ['100% wool_']],
    [{ origin: 'GENERATED' }, []],
    [{ tags: ['summer'] }, ['BEACH ball', 'Beach at dawn']],
    [{ tags: ['summer', 'sea'] }, ['Beach at dawn']],
    [{ text: 'beach' }, ['BEACH ball', 'Beach at dawn']],
    [{ text: '%' }, ['100% wool_']],
    [{ text: '_' }, ['100% wool_']],
    [{ text: 'beach', tags: ['sea'], states: ['READY'], kinds: ['VIDEO'] }, ['Beach at dawn']],
  ])('filters by %j', async (filter, titles) => {
    expect(await list(filter, own)).toEqual(titles)
  })
})

describe('updateMedia', () => {
  it('changes the title or the tags, and leaves what is omitted', async () => {
    const mediaId = await upload({ title: 'Before', tags: ['old'] })
    const change = (input: object) =>
      mutate(tenant, 'updateMedia', { mediaId, ...input }, 'media { title tags }')
    expect((await change({ title: '  After ' })).media).toEqual({ title: 'After', tags: ['old'] })
    expect((await change({ tags: [' a', 'b', 'a '] })).media).toEqual({ title: 'After', tags: ['a', 'b'] })
    expect((await change({ title: '', tags: [] })).media).toEqual({ title: '', tags: [] })
  })

  it.each([
    [{ title: 'x'.repeat(201) }, 'title'],
    [{ tags: ['fine', ' '] }, 'tags.1'],
    [{ tags: ['x'.repeat(51)] }, 'tags.0'],
    [{ tags: Array.from({ length: 51 }, (_, index) => `tag ${index}`) }, 'tags'],
  ])('refuses %j', async (input, path) => {
    const mediaId = await upload({ title: 'Stays' })
    const refused = await mutate(tenant, 'updateMedia', { mediaId, ...input }, 'media { id }')
    expect(refused).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path }] })
    expect(await read(mediaId, 'title tags')).toEqual({ title: 'Stays', tags: [] })
  })

  it('needs the write scope', async () => {
    const reader = await createTenant(database, api, ['read'])
    await expect(
      mutate(reader, 'updateMedia', { mediaId: globalId('Media', randomUUID()), title: 'x' }, 'media { id }'),
    ).rejects.toThrow(/FORBIDDEN|write/)
  })
})

describe('deleteMedia', () => {
  const remove = (mediaId: string) =>
    mutate(
      tenant,
      'deleteMedia',
      { mediaId },
      'media { state url deletedAt restorableUntil availableEvents }',
    )
  const restore = (mediaId: string) =>
    mutate(tenant, 'restoreMedia', { mediaId }, 'media { state deletedAt availableEvents }')

  it('hides a media for a week, in which it can be restored', async () => {
    const id = await upload({ title: 'Deleted and restored' })
    const { media } = await remove(id)
    expect(media).toMatchObject({ state: 'DELETED', url: null, availableEvents: ['restore'] })
    expect(Date.parse(media.restorableUntil) - Date.parse(media.deletedAt)).toBe(deletionGraceMs)
    expect(await remove(id)).toMatchObject({ code: 'NOT_PERMITTED_IN_STATE', state: 'deleted' })
    expect((await restore(id)).media).toEqual({
      state: 'READY',
      deletedAt: null,
      availableEvents: ['delete', 'recheck'],
    })
    expect(await restore(id)).toMatchObject({ code: 'NOT_PERMITTED_IN_STATE', state: 'ready' })
  })

  it('works for the video of a job, which gets its instance then', async () => {
    const id = await generate('of a job')
    expect(await restore(id)).toMatchObject({ code: 'NOT_PERMITTED_IN_STATE', state: 'ready' })
    expect(await read(id, 'state origin availableEvents')).toEqual({
      state: 'READY',
      origin: 'GENERATED',
      availableEvents: ['delete', 'recheck'],
    })
    expect((await remove(id)).media.state).toBe('DELETED')
    expect((await restore(id)).media.state).toBe('READY')
  })

  it('gives an unfinished upload up', async () => {
    const id = await upload({ title: 'Given up', events: [] })
    expect((await remove(id)).media).toMatchObject({ state: 'EXPIRED', deletedAt: null, availableEvents: [] })
  })

  it('is refused while an unfinished job needs the video, and names the slot', async () => {
    const id = await generate('needed')
    const { slotIds } = await createRunningPlan(tenant, [60])
    const { slotId } = { slotId: slotIds[0] }
    const started = await mutate(tenant, 'startJob', { slotId }, 'job { id }')
    const setJob = (tag: string) =>
      database.owner.pool.query(
        `update reelpilot.machine_instance
            set state = $3, tag = $4, step = null, wake_at = null,
                context = context || jsonb_build_object('media', jsonb_build_object('sha256', $2::text))
          where id = $1`,
        [
          Buffer.from(started.job.id, 'base64url').toString().slice(4),
          sha('needed'),
          tag === 'resting' ? 'needsPerson' : 'published',
          tag,
        ],
      )
    await setJob('resting')
    expect(await remove(id)).toMatchObject({ code: 'MEDIA_IN_USE', slotIds: [slotId] })
    expect(await read(id, 'state')).toEqual({ state: 'READY' })
    await setJob('settled')
    expect((await remove(id)).media.state).toBe('DELETED')
  })

  it('frees the quota once, when the files are purged; a media that was restored meanwhile keeps them', async () => {
    const { organizationId } = tenant
    const usedBytes = async () => {
      const { rows } = await database.owner.pool.query(
        `select sum(used)::float8 as used from reelpilot.quota where metric = 'storageBytes' and organization_id = $1`,
        [organizationId],
      )
      return rows[0].used
    }
    const purge = (id: string) =>
      purgeMedia({ db: database.runtime.db }, {
        organizationId,
        jobId: idOf(id),
        now: () => Date.now(),
      } as Parameters<typeof purgeMedia>[1])
    const id = await generate('to be purged', 5_000)
    const before = await usedBytes()
    await purge(id)
    expect(await usedBytes()).toBe(before)
    await remove(id)
    for (let times = 0; times < 2; times += 1) await purge(id)
    expect(await usedBytes()).toBe(before - 5_000)
    expect(await read(id, 'sha256 sizeBytes durationSeconds')).toEqual({
      sha256: null,
      sizeBytes: null,
      durationSeconds: 5,
    })
    // Uploads of this file were inserted without being counted.
    await sql`update media set bytes = null, sha256 = null where organization_id = ${organizationId} and origin = 'uploaded'`.execute(
      database.runtime.db,
    )
    const findings = await auditQuota(database.runtime.db, organizationId)
    expect(findings.filter(({ metric }) => metric === 'storageBytes')).toEqual([])
    const { events } = await tenant.request('{ events(last: 1) { edges { node { type payload } } } }')
    expect(events.edges[0].node).toEqual({
      type: 'quota.freed',
      payload: { amounts: { storageBytes: 5_000 } },
    })
  })

  it('is followed by an event with the media', async () => {
    const id = await upload({ title: 'Followed' })
    await remove(id)
    const { events } = await tenant.request(
      '{ events(last: 1) { edges { node { type payload revision job { id } media { id title } } } } }',
    )
    expect(events.edges[0].node).toEqual({
      type: 'media.transitioned',
      payload: { from: 'ready', to: 'deleted', event: 'delete', tag: 'waiting', progress: null },
      revision: 2,
      job: null,
      media: { id, title: 'Followed' },
    })
  })
})
