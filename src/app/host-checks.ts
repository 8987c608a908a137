import type { Config } from '../config.ts'
import { checkDisk } from '../providers/disk-check.ts'
import { type HostFaultCode, hostFaultOf } from '../providers/host-fault.ts'
import { bundledFfmpeg, checkFfmpeg } from '../providers/video/local/ffmpeg.ts'
import { ConfigError } from '../startup-error.ts'
import { cacheFor } from './cache-for.ts'

/** What was found of this machine: null where nothing is wrong. */
export interface HostHealth {
  readonly disk: HostFaultCode | null
}

/** Readiness may be asked many times a second, and a look at the disk writes to it. */
const lookEveryMs = 5_000

/** Looks at the data directory's disk: whether there is room, and whether it can be written to. */
export function createHostChecks(directory: string, now?: () => number): () => Promise<HostHealth> {
  const look = (): Promise<HostHealth> =>
    checkDisk(directory).then(
      () => ({ disk: null }),
      (error) => ({ disk: hostFaultOf(error) ?? 'DISK_UNUSABLE' }),
    )
  return cacheFor(lookEveryMs, look, now)
}

/** Throws ConfigError where there is no ffmpeg to work with: found out now, and not by the first job of the night. */
export async function refuseWithoutFfmpeg({ ffmpegPath }: Pick<Config, 'ffmpegPath'>): Promise<void> {
  try {
    await checkFfmpeg(ffmpegPath ?? bundledFfmpeg())
  } catch (error) {
    if (!hostFaultOf(error)) throw error
    const why = (error as Error).message
    throw new ConfigError(
      ffmpegPath
        ? `FFMPEG_PATH: ${ffmpegPath} cannot be run (${why}); set the path of an ffmpeg, or leave it out for the bundled one`
        : `the bundled ffmpeg cannot be run (${why}); run \`npm ci\` again, or set FFMPEG_PATH to another one`,
    )
  }
}
