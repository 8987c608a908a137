import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import type { KeptMedia } from '../../../machines/job/context.ts'
import type { CommandDeps } from '../../../src/commands/command-deps.ts'
import { createDiskStorage } from '../../../src/providers/storage/disk-storage.ts'
import type { Storage } from '../../../src/providers/storage/storage.ts'
import { insertStoredVideo } from '../../../src/store/media/stored-video.ts'
import { createEncryptor, type Encryptor } from '../../../src/vault/encryptor.ts'
import { keyRingOf } from '../../../src/vault/key-ring.ts'
import { afterFile } from '../../support/after-file.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createOrganization, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import type { DrivenJob } from '../../support/driven-job.ts'
import { type LocalAccount, type LocalAccountOptions, openLocalAccount } from './local-account.ts'
import type { JobOptions } from './stored-job.ts'
import { defaultVideo, makeVideo, uniqueBytes, type VideoOptions } from './video.ts'
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts'

/** What the tests of a file share: a database with a virtual clock, a storage and an organization. */
export interface Harness {
  readonly database: TestDatabase
  readonly clock: VirtualClock
  readonly deps: CommandDeps
  readonly storage: Storage
  readonly encryptor: Encryptor
  readonly organizationId: string
  /** A stored video; the same for the same options. */
  video(options: VideoOptions): Promise<KeptMedia>
  /** An uploaded media of the library that is ready. Every call makes another one. */
  upload(options?: Partial<VideoOptions>): Promise<KeptMedia & { readonly mediaId: string }>
  /** Starts a job whose video is stored, for an account at a local TikTok of its own. */
  start(
    options?: JobOptions & LocalAccountOptions,
  ): Promise<{ readonly job: DrivenJob; readonly account: LocalAccount }>
}

export async function createHarness(): Promise<Harness> {
  const database = await createTestDatabase()
  const clock = await createVirtualClock(database)
  const deps = await createCommandDeps(database)
  const { db } = database.runtime
  const organizationId = await createOrganization(database)
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-publish-'))
  afterFile(() => rm(directory, { recursive: true, force: true }))
  const storage = await createDiskStorage({ directory: path.join(directory, 'media') })
  const ring = keyRingOf([randomBytes(32)])

  const videos = new Map<string, Promise<KeptMedia>>()
  const store = async (options: VideoOptions): Promise<KeptMedia> => {
    const kept = await storage.put(organizationId, await makeVideo(directory, options))
    const media = { ...kept, ...propertiesOf(options) }
    await insertStoredVideo(db, { organizationId, ...media })
    return media
  }
  const files = new Map<string, Promise<string>>()
  const upload = async (options: Partial<VideoOptions> = {}) => {
    const video = { ...defaultVideo, ...options }
    const name = JSON.stringify(video)
    const file = files.get(name) ?? makeVideo(directory, video)
    files.set(name, file)
    const bytes = await uniqueBytes(await file, video.container)
    const kept = await storage.put(organizationId, Readable.from([bytes]))
    const media = { ...kept, ...propertiesOf(video) }
    const mediaId = randomUUID()
    const { contentType, ...columns } = media
    const own = { id: mediaId, organization_id: organizationId, origin: 'uploaded' } as const
    await db
      .insertInto('media')
      .values({ ...own, ...columns, content_type: contentType, container: video.container })
      .execute()
    return { ...media, mediaId }
  }
  const shared = {
    database,
    clock,
    deps,
    storage,
    encryptor: createEncryptor(() => ring),
    organizationId,
    upload,
    video(options: VideoOptions) {
      const name = JSON.stringify(options)
      const kept = videos.get(name) ?? store(options)
      videos.set(name, kept)
      return kept
    },
  }
  return {
    ...shared,
    async start({ slot, video, ...options } = {}) {
      const account = await openLocalAccount(shared, options)
      return { account, job: await account.start({ ...(slot && { slot }), ...(video && { video }) }) }
    },
  }
}

const contentTypes = { mp4: 'video/mp4', mov: 'video/quicktime', webm: 'video/webm' } as const

const propertiesOf = ({ seconds, container }: VideoOptions) =>
  ({ contentType: contentTypes[container], seconds, width: 360, height: 640 }) as const
