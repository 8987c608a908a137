import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chmodSync, constants } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { PassThrough, type Writable } from 'node:stream'
import { probeWriting } from '../../disk-check.ts'
import { HostFault, hostFaultOf } from '../../host-fault.ts'
import { codeOf } from '../../storage/durable-file.ts'

const require = createRequire(import.meta.url)
const stderrKept = 4000

/** The ffmpeg that came with the npm packages. Throws where there is none for this platform. */
export function bundledFfmpeg(): string {
  const { path } = require('@ffmpeg-installer/ffmpeg') as { path: string } // the package has no usable types
  makeExecutable(path)
  return path
}

/** Some installers unpack it without its executable bit. Where it has that, it need not be ours to change. */
export function makeExecutable(program: string): void {
  try {
    accessSync(program, constants.X_OK)
  } catch {
    chmodSync(program, 0o755)
  }
}

export interface Ffmpeg {
  /** Writes to ffmpeg's standard input and waits until it was taken. Fails when ffmpeg has ended. */
  write(bytes: Uint8Array): Promise<void>
  /** Closes the input and waits for ffmpeg to finish. Throws an error with its last words when it did not succeed. */
  finish(): Promise<void>
}

/**
 * Starts ffmpeg with its standard input as a pipe; the last argument is the file that it writes. The signal kills it. Where
 * ffmpeg cannot be run, or is kept from its work by this machine, what is thrown is a HostFault.
 *
 * ffmpeg sees the end of its input, and ends, also when this process dies without a chance to kill it.
 */
export function startFfmpeg(executable: string, args: readonly string[], signal: AbortSignal): Ffmpeg {
  const child = run(executable, ['-hide_banner', '-loglevel', 'error', '-y', ...args], signal)
  const ended = endOf(child, path.dirname(args.at(-1) ?? '.'), signal)
  ended.catch(() => {}) // whoever awaits it next reports it
  const input: Writable = child.stdin ?? new PassThrough() // Without descriptors left there are no pipes either.
  input.on('error', () => {}) // shown by the writes below

  return {
    async write(bytes) {
      if (input.write(bytes)) return
      const early = ended.then(() => {
        throw new Error('ffmpeg ended before its input did')
      })
      // A broken pipe is only how it shows; why ffmpeg ended is told by its end.
      await Promise.race([once(input, 'drain').catch(() => early), early])
    },
    async finish() {
      input.end()
      await ended
    },
  }
}

/**
 * Says whether an ffmpeg can be run at all, by having it tell its version. Throws a HostFault, `FFMPEG_MISSING` where there
 * is none, or none that runs.
 */
export async function checkFfmpeg(executable: string): Promise<void> {
  const child = spawnOrFail(() => spawn(executable, ['-version'], { stdio: 'ignore', timeout: 20_000 }))
  const [code, killedBy] = await once(child, 'close').catch((error) => {
    throw unstartable(error)
  })
  if (code !== 0)
    throw new HostFault('FFMPEG_MISSING', `asked for its version, ffmpeg ended with ${code ?? killedBy}`)
}

function run(executable: string, args: readonly string[], signal: AbortSignal): ChildProcess {
  return spawnOrFail(() =>
    spawn(executable, args, { stdio: ['pipe', 'ignore', 'pipe'], signal, killSignal: 'SIGKILL' }),
  )
}

/** Some failures to start are thrown at once, others come as an event. */
function spawnOrFail(start: () => ChildProcess): ChildProcess {
  try {
    return start()
  } catch (error) {
    throw unstartable(error)
  }
}

/** Out of memory or descriptors it is the machine; otherwise there is no program of this name that it can run. */
function unstartable(cause: unknown): HostFault {
  const isExhausted = ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(codeOf(cause))
  const fault = isExhausted ? 'HOST_EXHAUSTED' : 'FFMPEG_MISSING'
  return new HostFault(fault, `ffmpeg cannot be started: ${codeOf(cause)}`, { cause })
}

async function endOf(child: ChildProcess, directory: string, signal: AbortSignal): Promise<void> {
  let lastWords = ''
  child.stderr?.on('data', (text) => {
    lastWords = (lastWords + text).slice(-stderrKept)
  })
  const [code, killedBy] = await once(child, 'close').catch((error) => {
    throw signal.aborted ? error : unstartable(error)
  })
  if (code === 0) return
  const cause = new Error(`ffmpeg ended with ${code ?? killedBy}: ${lastWords.trim()}`)
  if (signal.aborted) throw cause
  // Nobody here has sent it: the system kills so when memory has run out, and ends so who writes beyond a limit.
  if (killedBy === 'SIGKILL') throw new HostFault('HOST_EXHAUSTED', 'ffmpeg was killed', { cause })
  if (killedBy === 'SIGXFSZ') throw new HostFault('DISK_FULL', 'ffmpeg may not write more', { cause })
  // What ffmpeg says of a full disk is text. The disk itself is asked, while what ffmpeg has written still fills it.
  await probeWriting(directory).catch((error) => {
    throw new HostFault(hostFaultOf(error) ?? 'DISK_UNUSABLE', cause.message, { cause: error })
  })
  throw cause
}
