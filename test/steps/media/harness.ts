import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { sql } from 'kysely'
import type { StepContext } from '../../../src/durable/step.ts'
import { createDiskStorage } from '../../../src/providers/storage/disk-storage.ts'
import { findMedia, type MediaRecord } from '../../../src/store/media/media.ts'
import { afterFile } from '../../support/after-file.ts'
import { createOrganization, createTestDatabase } from '../../support/database.ts'
import { insertUploadedMedia, received } from '../../support/media.ts'

export type MediaHarness = Awaited<ReturnType<typeof createMediaHarness>>

/** A database and a storage in which steps work on uploads of real files. */
export async function createMediaHarness() {
  const database = await createTestDatabase()
  const { db } = database.runtime
  const organizationId = await createOrganization(database)
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-media-'))
  afterFile(() => rm(directory, { recursive: true, force: true }))
  const storage = await createDiskStorage({ directory: path.join(directory, 'storage') })
  const context = (mediaId: string, signal = new AbortController().signal): StepContext => ({
    jobId: mediaId,
    organizationId,
    key: `${mediaId}/2`,
    mayHaveBegun: false,
    fence: async () => undefined,
    signal,
    now: () => Date.now(),
  })
  return {
    database,
    organizationId,
    directory,
    storage,
    deps: { db, storage, workDirectory: path.join(directory, 'work') },
    context,
    /** Stores a file and inserts its upload, which waits for its check: nothing of it is known yet. */
    async upload(file: string) {
      const { sha256, bytes } = await storage.put(organizationId, file)
      const mediaId = await insertUploadedMedia(database, organizationId, {
        sha256,
        bytes,
        events: [received],
      })
      await sql`update media set container = null, content_type = null, seconds = null, width = null, height = null
                 where id = ${mediaId}`.execute(db)
      return mediaId
    },
    async read(mediaId: string): Promise<MediaRecord> {
      const [media] = await findMedia(db, organizationId, [mediaId])
      if (!media) throw new Error(`no media ${mediaId}`)
      return media
    },
  }
}
