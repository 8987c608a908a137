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
const crashSchema = z.object({ tries: z.number(), message: z.string() })

/** What a finished clip is, as its `result.json` says. */
export type ClipResult = Readonly<z.infer<typeof resultSchema>>

/** How often rendering crashed, and the renderer's last words. */
export type Crash = Readonly<z.infer<typeof crashSchema>>

export type ClipState =
  | { readonly kind: 'done'; readonly result: ClipResult }
  | { readonly kind: 'running'; readonly progress: Progress }
  | { readonly kind: 'idle'; readonly crash: Crash }

/** The files of one clip. They are the whole state: every process on the machine reads the same from them. */
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

    /** Where a renderer writes: a name of its own, so that one that lost its lease cannot spoil another's work. */
    newPart: () => path.join(directory, `segment.mp4.${temporaryName()}`),

    create: async () => void (await mkdir(directory, { recursive: true })),

    /** Counts a renderer that sets out: what a crash cost can be read from it. */
    noteStart: () => appendFile(path.join(directory, 'starts'), '.'),

    /** Reads where the clip stands. A segment that is not what its result says is forgotten. */
    async read(): Promise<ClipState> {
      const result = await readJson(resultFile, resultSchema)
      if (result !== undefined) {
        if (await isIntact(segment, result)) return { kind: 'done', result }
        await rm(resultFile, { force: true })
      }

      const progress = await readLease(lease)
      if (progress !== undefined) return { kind: 'running', progress }
      return { kind: 'idle', crash: (await readJson(crashFile, crashSchema)) ?? { tries: 0, message: '' } }
    },

    /** Puts a synced part in its place and then, last of all, says so. */
    async finish(
      part: string,
      { frames, seconds }: Pick<ClipResult, 'frames' | 'seconds'>,
    ): Promise<ClipResult> {
      const result = { ...(await fingerprint(part)), frames, seconds }
      await moveDurably(part, segment, directory)
      await writeJson(directory, resultFile, result)
      return result
    },

    /** Also where the renderer did not live long enough to create the directory. */
    async recordCrash(crash: Crash): Promise<void> {
      await mkdir(directory, { recursive: true })
      await writeJson(directory, crashFile, crash)
    },

    forgetCrashes: async () => await rm(crashFile, { force: true }),

    /** Removes what renderers that died have left. Only for the holder of the lease. */
    async removeParts(): Promise<void> {
      for (const name of await readdir(directory)) {
        if (name.endsWith('.part') && !name.startsWith('crash.'))
          await rm(path.join(directory, name), { force: true })
      }
    },
  }
}

export type ClipDirectory = ReturnType<typeof clipDirectory>

/** Hash and length of a file's content. */
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
