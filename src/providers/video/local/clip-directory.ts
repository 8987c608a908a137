import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { codeOf, moveDurably, temporaryName, writeDurably } from '../../storage/durable-file.ts'
import { type Progress, readLease } from './lease.ts'

const resultSchema = z.object({
  sha256: z.string(),
  bytes: z.number(),
  frames: z.number(),
  seconds: z.number(),
})
const crashSchema = z.object({ count: z.number(), message: z.string() })

/** The contents of a finished clip's `result.json`. */
export type ClipResult = Readonly<z.infer<typeof resultSchema>>

/** How often rendering crashed, and the message of the last crash. */
export type Crash = Readonly<z.infer<typeof crashSchema>>

export type ClipState =
  | { readonly kind: 'done'; readonly result: ClipResult }
  | { readonly kind: 'running'; readonly progress: Progress }
  | { readonly kind: 'idle'; readonly crash: Crash }

/** The files of one clip. They are its whole state, which every process on the machine can read. */
export function clipDirectory(root: string, clipKey: string) {
  const directory = path.join(root, clipKey)
  const segment = path.join(directory, 'segment.mp4')
  const lease = path.join(directory, 'lock')
  const resultFile = path.join(directory, 'result.json')
  const crashFile = path.join(directory, 'crash.json')

  return {
    directory,
    segment,
    lease,

    /** A new file name for a renderer's output: a renderer that lost its lease must not overwrite another's output. */
    newPartPath: () => path.join(directory, `segment.mp4.${temporaryName()}`),

    create: async () => void (await mkdir(directory, { recursive: true })),

    /** Records the start of a renderer, for tests and diagnosis. */
    recordStart: () => appendFile(path.join(directory, 'starts'), '.'),

    /** Reads the state of the clip. The result of a segment that does not match it is removed. */
    async read(): Promise<ClipState> {
      const result = await readJson(resultFile, resultSchema)
      if (result !== undefined) {
        if (await isIntact(segment, result)) return { kind: 'done', result }
        await rm(resultFile, { force: true })
      }

      const progress = await readLease(lease)
      if (progress !== undefined) return { kind: 'running', progress }
      return { kind: 'idle', crash: (await readJson(crashFile, crashSchema)) ?? { count: 0, message: '' } }
    },

    /** Moves a synced part to the segment's path and then writes the result, which makes the clip done. */
    async finish(
      part: string,
      { frames, seconds }: Pick<ClipResult, 'frames' | 'seconds'>,
    ): Promise<ClipResult> {
      const result = { ...(await fingerprint(part)), frames, seconds }
      await moveDurably(part, segment, directory)
      await writeJson(directory, resultFile, result)
      return result
    },

    /** The renderer may have crashed before it created the directory. */
    async recordCrash(crash: Crash): Promise<void> {
      await mkdir(directory, { recursive: true })
      await writeJson(directory, crashFile, crash)
    },

    clearCrashes: async () => await rm(crashFile, { force: true }),

    /** Removes the incomplete files of dead renderers. Only the holder of the lease may call it. */
    async removeParts(): Promise<void> {
      for (const name of await readdir(directory)) {
        if (name.endsWith('.part') && !name.startsWith('crash.'))
          await rm(path.join(directory, name), { force: true })
      }
    },
  }
}

export type ClipDirectory = ReturnType<typeof clipDirectory>

/** Hash and length of a file. */
export async function fingerprint(
  file: string,
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(file)) {
    hash.update(chunk)
    bytes += chunk.byteLength
  }
  return { sha256: hash.digest('hex'), bytes }
}

async function isIntact(file: string, expected: ClipResult): Promise<boolean> {
  try {
    if ((await stat(file)).size !== expected.bytes) return false
    return (await fingerprint(file)).sha256 === expected.sha256
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function writeJson(directory: string, file: string, value: unknown): Promise<void> {
  const part = `${file}.${temporaryName()}`
  await writeDurably(part, [Buffer.from(JSON.stringify(value))])
  await moveDurably(part, file, directory)
}
