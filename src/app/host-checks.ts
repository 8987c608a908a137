import type { Config } from '../config.ts'
import { checkDisk } from '../providers/disk-check.ts'
import { type HostFaultCode, hostFaultOf } from '../providers/host-fault.ts'
import { bundledFfmpeg, checkFfmpeg } from '../providers/video/local/ffmpeg.ts'
import { ConfigError } from '../startup-error.ts'
import { cacheFor } from './cache-for.ts'

/** Null if the disk is healthy. */
export interface HostHealth {
  readonly disk: HostFaultCode | null
}

/** Readiness can be polled many times a second, and a check writes to the disk. */
const cacheMs = 5_000

/** Creates a check whether the data directory's disk has space and can be written to. */
export function createHostChecks(directory: string, now?: () => number): () => Promise<HostHealth> {
  const check = (): Promise<HostHealth> =>
    checkDisk(directory).then(
      () => ({ disk: null }),
      (error) => ({ disk: hostFaultOf(error) ?? 'DISK_UNUSABLE' }),
    )
  return cacheFor(cacheMs, check, now)
}

/** Throws `ConfigError` if ffmpeg does not run, so that the start fails and not the first job. */
export async function refuseWithoutFfmpeg({ ffmpegPath }: Pick<Config, 'ffmpegPath'>): Promise<void> {
  try {
    await checkFfmpeg(ffmpegPath ?? bundledFfmpeg())
  } catch (error) {
    if (!hostFaultOf(error)) throw error
    const reason = (error as Error).message
    throw new ConfigError(
      ffmpegPath
        ? `FFMPEG_PATH: ${ffmpegPath} cannot be run (${reason}); set the path of an ffmpeg, or unset it for the bundled one`
        : `the bundled ffmpeg cannot be run (${reason}); run \`npm ci\` again, or set FFMPEG_PATH to another one`,
    )
  }
}
