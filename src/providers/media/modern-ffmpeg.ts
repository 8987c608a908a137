import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** ffmpeg 5.0. Older versions have known faults that a crafted file can exploit. */
const minLibavutil = 57
/** An operator may install one while the process runs. */
const retryMs = 300_000

/** Finds an ffmpeg that may read foreign files. */
export interface FfmpegFinder {
  /** Its path; null if there is none of version 5 or later. */
  find(): Promise<string | null>
}

/** Looks for ffmpeg 5 or later: the configured one, or else the system's. The bundled one is older and only reads our own files. */
export function createFfmpegFinder(
  configured: string | undefined,
  now: () => number = () => performance.now(),
): FfmpegFinder {
  let found: Promise<string | null> | undefined
  let triedAt = 0
  return {
    async find() {
      if (found && ((await found) !== null || now() - triedAt < retryMs)) return await found
      triedAt = now()
      const executable = configured ?? 'ffmpeg'
      found = isModern(executable).then((modern) => (modern ? executable : null))
      return await found
    },
  }
}

/** By the version of its library: builds from git have a version of ffmpeg that says nothing. */
async function isModern(executable: string): Promise<boolean> {
  try {
    const { stdout } = await run(executable, ['-version'], { timeout: 20_000 })
    const [, major] = /^libavutil\s+(\d+)\./m.exec(stdout) ?? []
    return Number(major) >= minLibavutil
  } catch {
    return false
  }
}
