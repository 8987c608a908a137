import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
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
import { makeVideo, type VideoOptions } from './video.ts'
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
    const media = { ...kept, seconds: options.seconds, width: 360, height: 640 }
    await insertStoredVideo(db, { organizationId, ...media })
    return media
  }
  const shared = {
    database,
    clock,
    deps,
    storage,
    encryptor: createEncryptor(() => ring),
    organizationId,
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
