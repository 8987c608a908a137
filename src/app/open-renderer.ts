import { randomUUID } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import type { Config } from '../config.ts'
import type { Storage } from '../providers/storage/storage.ts'
import { createLocalProvider, type LocalProvider } from '../providers/video/local/local-provider.ts'
import { createSharedProvider, type RenderClaims } from '../providers/video/local/shared-provider.ts'
import type { Db } from '../store/database.ts'
import {
  claimRenders,
  finishRender,
  forgetRender,
  releaseRender,
  renewRenders,
} from '../store/job/clip-renders.ts'

export interface OpenRendererOptions {
  readonly db: Db
  readonly storage: Storage
  readonly onError: (error: unknown) => void
}

/**
 * Opens the renderer of this machine. With a bucket, machines divide the clips among themselves; without one, all processes share one
 * data directory, whose files say who renders what.
 */
export async function openRenderer(
  config: Pick<Config, 'bucket' | 'dataDirectory' | 'renderConcurrency' | 'ffmpegPath'>,
  { db, storage, onError }: OpenRendererOptions,
): Promise<LocalProvider> {
  const local = createLocalProvider({
    directory: path.join(config.dataDirectory, 'renders'),
    concurrency: config.renderConcurrency,
    ...(config.ffmpegPath && { ffmpegPath: config.ffmpegPath }),
  })
  if (!config.bucket) return local
  const claims = createRenderClaims(db, await machineIdOf(config.dataDirectory))
  return createSharedProvider({ local, claims, storage, onError })
}

/** The claims in the database. `machine`: the same for all processes that share a data directory, and for no other. */
export function createRenderClaims(db: Db, machine: string): RenderClaims {
  return {
    claim: (organizationId, clipKeys) => claimRenders(db, machine, organizationId, clipKeys),
    renew: (clips) => renewRenders(db, machine, clips),
    finish: (clip) => finishRender(db, machine, clip),
    release: (clip) => releaseRender(db, machine, clip),
    forget: (clip) => forgetRender(db, clip),
  }
}

/** The host's name distinguishes machines whose data directories were copied from one image. */
async function machineIdOf(dataDirectory: string): Promise<string> {
  const file = path.join(dataDirectory, 'machine-id')
  const id = randomUUID()
  const part = `${file}.${id}`
  await writeFile(part, id)
  // Processes that start together agree on the first one: a link is made whole or not at all.
  await link(part, file).catch((error) => {
    if (error.code !== 'EEXIST') throw error
  })
  await rm(part)
  return `${hostname()}/${(await readFile(file, 'utf8')).trim()}`
}
