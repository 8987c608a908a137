import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chmodSync, constants } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { probeWriting } from '../../disk-check.ts'
import { HostFault, hostFaultOf } from '../../host-fault.ts'
import { codeOf } from '../../storage/durable-file.ts'

const require = createRequire(import.meta.url)
const maxStderrChars = 4000

/** The path of the ffmpeg from the npm packages. Throws on a platform without one. */
export function bundledFfmpeg(): string {
  const { path } = require('@ffmpeg-installer/ffmpeg') as { path: string } // the package has no usable types
  makeExecutable(path)
  return path
}

/** Some installers unpack programs without the executable bit. A program that has it may belong to another user. */
export function makeExecutable(program: string): void {
  try {
    accessSync(program, constants.X_OK)
  } catch {
    chmodSync(program, 0o755)
  }
}

export interface Ffmpeg {
  /** Writes to ffmpeg's standard input and waits until the bytes are no longer needed. Fails when ffmpeg has ended. */
  write(bytes: Uint8Array): Promise<void>
  /** Closes the input and waits for ffmpeg to end. Throws an error with the end of its standard error if it failed. */
  finish(): Promise<void>
}

/**
 * Starts ffmpeg with a pipe as standard input, and with `secondInput` in `pipe:3`. The last argument is its output file. The
 * signal kills it. Throws a HostFault when ffmpeg cannot be started or this machine prevents its work.
 *
 * If this process is killed, ffmpeg reads the end of its input and ends.
 */
export function startFfmpeg(
  executable: string,
  args: readonly string[],
  signal: AbortSignal,
  secondInput?: Uint8Array,
): Ffmpeg {
  const child = spawnFfmpeg(executable, ['-hide_banner', '-loglevel', 'error', '-y', ...args], signal)
  const ended = waitForEnd(child, path.dirname(args.at(-1) ?? '.'), signal)
  ended.catch(() => {}) // reported by the next await
  const input: Writable = child.stdin ?? new PassThrough() // Without free file descriptors there is no pipe.
  input.on('error', () => {}) // the writes below report it
  const second = child.stdio[3]
  if (second instanceof Writable) second.on('error', () => {}).end(secondInput) // the end of ffmpeg reports it

  return {
    async write(bytes) {
      const written = new Promise<void>((resolve, reject) => {
        input.write(bytes, (error) => (error ? reject(error) : resolve()))
      })
      const early = ended.then(() => {
        throw new Error('ffmpeg ended before its input')
      })
      // A broken pipe is only the symptom; the end of ffmpeg has the reason.
      await Promise.race([written.catch(() => early), early])
    },
    async finish() {
      input.end()
      await ended
    },
  }
}

/**
 * Runs `ffmpeg -version`. Throws a HostFault if that fails, `FFMPEG_MISSING` for a missing or broken program.
 */
export async function checkFfmpeg(executable: string): Promise<void> {
  const child = spawnOrFail(() => spawn(executable, ['-version'], { stdio: 'ignore', timeout: 20_000 }))
  const [code, killedBy] = await once(child, 'close').catch((error) => {
    throw startFault(error)
  })
  if (code !== 0) throw new HostFault('FFMPEG_MISSING', `ffmpeg -version ended with ${code ?? killedBy}`)
}

function spawnFfmpeg(executable: string, args: readonly string[], signal: AbortSignal): ChildProcess {
  return spawnOrFail(() =>
    spawn(executable, args, { stdio: ['pipe', 'ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' }),
  )
}

/** Some failures to start are thrown, others are events. */
function spawnOrFail(start: () => ChildProcess): ChildProcess {
  try {
    return start()
  } catch (error) {
    throw startFault(error)
  }
}

/** A lack of memory or descriptors is the machine's fault; any other error means a missing or broken program. */
function startFault(cause: unknown): HostFault {
  const isExhausted = ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(codeOf(cause))
  const fault = isExhausted ? 'HOST_EXHAUSTED' : 'FFMPEG_MISSING'
  return new HostFault(fault, `ffmpeg cannot be started: ${codeOf(cause)}`, { cause })
}

async function waitForEnd(child: ChildProcess, directory: string, signal: AbortSignal): Promise<void> {
  let stderrTail = ''
  child.stderr?.on('data', (text) => {
    stderrTail = (stderrTail + text).slice(-maxStderrChars)
  })
  const [code, killedBy] = await once(child, 'close').catch((error) => {
    throw signal.aborted ? error : startFault(error)
  })
  if (code === 0) return
  const cause = new Error(`ffmpeg ended with ${code ?? killedBy}: ${stderrTail.trim()}`)
  if (signal.aborted) throw cause
  // This process did not send these signals: the system sends SIGKILL without memory, SIGXFSZ beyond a file size limit.
  if (killedBy === 'SIGKILL') throw new HostFault('HOST_EXHAUSTED', 'ffmpeg was killed', { cause })
  if (killedBy === 'SIGXFSZ')
    throw new HostFault('DISK_FULL', 'ffmpeg reached the file size limit', { cause })
  // ffmpeg reports a full disk only as text, so the disk is probed while ffmpeg's output still fills it.
  await probeWriting(directory).catch((error) => {
    throw new HostFault(hostFaultOf(error) ?? 'DISK_UNUSABLE', cause.message, { cause: error })
  })
  throw cause
}
