import { mkdir, readdir, readFile, rm, stat, statfs } from 'node:fs/promises'
import path from 'node:path'
import { FileStore } from '@tus/file-store'
import { uploadMs } from '../../../machines/media.ts'

/** An upload on this machine's disk. */
export interface ArrivingFile {
  readonly path: string
  /** The bytes that have arrived. */
  readonly offset: number
  readonly size: number
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** Left free on the disk, for the database and the log. */
const minFreeBytes = 256_000_000

/**
 * The bytes of unfinished uploads, `<directory>/<organization>/<media>` with a description in `<media>.json`. They survive a restart of the
 * process. Every process with this directory can continue an upload.
 */
export class UploadFiles {
  readonly store: FileStore
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
    this.store = new FileStore({ directory, expirationPeriodInMilliseconds: uploadMs })
    // The length is known from the beginning: the quota is checked against it.
    this.store.extensions = this.store.extensions.filter((name) => name !== 'creation-defer-length')
  }

  static async open(directory: string): Promise<UploadFiles> {
    const absolute = path.resolve(directory)
    await mkdir(absolute, { recursive: true })
    return new UploadFiles(absolute)
  }

  /** The name of an upload's file in the store. Both ids become parts of a path. */
  nameOf(organizationId: string, mediaId: string): string {
    if (!uuid.test(organizationId) || !uuid.test(mediaId))
      throw new TypeError('the ids of an upload must be UUIDs')
    return `${organizationId}/${mediaId}`
  }

  async find(organizationId: string, mediaId: string): Promise<ArrivingFile | undefined> {
    const file = path.join(this.#directory, this.nameOf(organizationId, mediaId))
    const described = await readFile(`${file}.json`, 'utf8').catch(() => '')
    const written = await stat(file).catch(() => undefined)
    const size = sizeIn(described)
    return written && size !== undefined ? { path: file, offset: written.size, size } : undefined
  }

  async remove(organizationId: string, mediaId: string): Promise<void> {
    const file = path.join(this.#directory, this.nameOf(organizationId, mediaId))
    // The description last: the sweep finds bytes by it.
    await rm(file, { force: true })
    await rm(`${file}.json`, { force: true })
  }

  /** The uploads that have files here, complete or not. */
  async list(): Promise<readonly { readonly organizationId: string; readonly mediaId: string }[]> {
    const names = await readdir(this.#directory, { recursive: true })
    const ids = names.flatMap((name) => {
      const [organizationId = '', file = ''] = name.split(path.sep)
      const mediaId = file.replace(/\.json$/, '')
      return uuid.test(organizationId) && uuid.test(mediaId) ? [`${organizationId}/${mediaId}`] : []
    })
    return [...new Set(ids)].map((id) => {
      const [organizationId = '', mediaId = ''] = id.split('/')
      return { organizationId, mediaId }
    })
  }

  /** Whether the disk has room for this many bytes more. */
  async hasRoom(bytes: number): Promise<boolean> {
    const { bavail, bsize } = await statfs(this.#directory)
    return bavail * bsize - bytes >= minFreeBytes
  }
}

/** The size that a description of the store names. A process may have died while it wrote one. */
function sizeIn(described: string): number | undefined {
  try {
    const { size } = JSON.parse(described) as { readonly size?: unknown }
    return typeof size === 'number' ? size : undefined
  } catch {
    return undefined
  }
}
