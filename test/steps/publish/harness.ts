import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll } from 'vitest'
import type { KeptMedia } from '../../../machines/job/context.ts'
import type { CommandDeps } from '../../../src/commands/command-deps.ts'
import { createDiskStorage } from '../../../src/providers/storage/disk-storage.ts'
import type { Storage } from '../../../src/providers/storage/storage.ts'
import { keepMedia } from '../../../src/store/job/media.ts'
import { createEncryptor, type Encryptor } from '../../../src/vault/encryptor.ts'
import { keyRingOf } from '../../../src/vault/key-ring.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createOrganization, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import type { RehearsedJob } from '../../support/rehearsed-job.ts'
import { type LocalAccount, type LocalAccountOptions, openLocalAccount } from './local-account.ts'
import type { JobOptions } from './stored-job.ts'
import { makeVideo, type VideoOptions } from './video.ts'
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts'

/** What the tests of a file share: a database with a clock of its own, a storage, an organization. */
export interface Harness {
  readonly database: TestDatabase
  readonly clock: VirtualClock
  readonly deps: CommandDeps
  readonly storage: Storage
  readonly encryptor: Encryptor
  readonly organizationId: string
  /** A video in the storage; the same for the same wish. */
  video(wish: VideoOptions): Promise<KeptMedia>
  /** Starts a job with its video stored, on a creator and a TikTok of its own. */
  start(
    wish?: JobOptions & LocalAccountOptions,
  ): Promise<{ readonly job: RehearsedJob; readonly at: LocalAccount }>
}

export async function createHarness(): Promise<Harness> {
  const database = await createTestDatabase()
  const clock = await createVirtualClock(database)
  const deps = await createCommandDeps(database)
  const { db } = database.runtime
  const organizationId = await createOrganization(database)
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-publish-'))
  afterAll(() => rm(directory, { recursive: true, force: true }))
  const storage = await createDiskStorage({ directory: path.join(directory, 'media') })
  const ring = keyRingOf([randomBytes(32)])

  const videos = new Map<string, Promise<KeptMedia>>()
  const store = async (wish: VideoOptions): Promise<KeptMedia> => {
    const kept = await storage.put(organizationId, await makeVideo(directory, wish))
    const media = { ...kept, seconds: wish.seconds, width: 360, height: 640 }
    await keepMedia(db, { organizationId, ...media })
    return media
  }
  const stage = {
    database,
    clock,
    deps,
    storage,
    encryptor: createEncryptor(() => ring),
    organizationId,
    video(wish: VideoOptions) {
      const name = JSON.stringify(wish)
      const kept = videos.get(name) ?? store(wish)
      videos.set(name, kept)
      return kept
    },
  }
  return {
    ...stage,
    async start({ slot, video, ...options } = {}) {
      const at = await openLocalAccount(stage, options)
      return { at, job: await at.start({ ...(slot && { slot }), ...(video && { video }) }) }
    },
  }
}
