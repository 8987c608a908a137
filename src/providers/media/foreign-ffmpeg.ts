import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { probeWriting } from '../disk-check.ts'
import { HostFault, hostFaultOf } from '../host-fault.ts'

const maxStderrChars = 2_000

/** ffmpeg failed on a file, or exceeded its limits. `message` is for the log: it may name paths. */
export class ForeignFileFailed extends Error {
  override readonly name = 'ForeignFileFailed'
}

export interface ForeignLimits {
  /** How long it may take. */
  readonly timeoutMs: number
  /** How much processor time it may take, in all threads. */
  readonly cpuSeconds: number
  /** The largest file that it may write. */
  readonly maxOutputBytes: number
}

/** The address space of a decoder of 4096 × 4096 pixels with its threads. Decoding 1080p takes a tenth. */
const maxMemoryKb = 6_000_000

/** ffmpeg's name for the demuxer of a container. It is forced, so that no file can pass for a playlist. */
const demuxers: Readonly<Record<string, string>> = {
  mp4: 'mov',
  mov: 'mov',
  webm: 'matroska',
  matroska: 'matroska',
  'mpeg transport stream': 'mpegts',
}

/** The arguments that open a foreign file: one demuxer, no protocol but files, and bounded pixels. */
export function foreignInput(file: string, container: string, before: readonly string[] = []): string[] {
  const demuxer = demuxers[container] ?? 'mov'
  const limits = ['-protocol_whitelist', 'file', '-max_pixels', String(4_096 * 4_096), '-threads', '2']
  return [...before, ...limits, '-f', demuxer, '-i', `file:${path.resolve(file)}`]
}

/**
 * Runs ffmpeg on a foreign file: in a process without a network where the system can give it one of its own, with limits of memory, time
 * and output, and with an empty environment. The last argument is an output file, whose directory is the working directory.
 *
 * Throws ForeignFileFailed, a HostFault, or the signal's reason.
 */
export async function runForeignFfmpeg(
  executable: string,
  args: readonly string[],
  limits: ForeignLimits,
  signal: AbortSignal,
): Promise<void> {
  const directory = path.dirname(args.at(-1) ?? '.')
  const ulimits = [
    `ulimit -v ${maxMemoryKb} 2>/dev/null`,
    `ulimit -t ${limits.cpuSeconds} 2>/dev/null`,
    // In blocks of 512 bytes.
    `ulimit -f ${Math.ceil(limits.maxOutputBytes / 512)} 2>/dev/null`,
  ]
  const command = [
    ...((await canIsolate()) ? isolation : []),
    ...['sh', '-c', `${ulimits.join('; ')}; exec "$0" "$@"`, executable],
    ...['-hide_banner', '-nostdin', '-loglevel', 'error', '-y', ...args],
  ]
  const deadline = AbortSignal.timeout(limits.timeoutMs)
  const child = start(command, directory, AbortSignal.any([signal, deadline]))
  let stderr = ''
  child.stderr?.on('data', (text) => {
    stderr = (stderr + text).slice(-maxStderrChars)
  })
  const [code, killedBy] = await once(child, 'close').catch((cause) => {
    signal.throwIfAborted()
    if (deadline.aborted) throw new ForeignFileFailed(`ffmpeg took more than ${limits.timeoutMs} ms`)
    throw new HostFault('FFMPEG_MISSING', 'ffmpeg cannot be started', { cause })
  })
  if (code === 0) return
  await probeWriting(directory).catch((error) => {
    throw new HostFault(hostFaultOf(error) ?? 'DISK_UNUSABLE', error.message, { cause: error })
  })
  throw new ForeignFileFailed(`ffmpeg ended with ${code ?? killedBy}: ${stderr.trim()}`)
}

function start(command: readonly string[], directory: string, signal: AbortSignal): ChildProcess {
  const [program = '', ...args] = command
  return spawn(program, args, {
    cwd: directory,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    stdio: ['ignore', 'ignore', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  })
}

/** A network namespace of its own, which has no network. */
const isolation = ['unshare', '--user', '--map-current-user', '--net', '--']
let isolates: Promise<boolean> | undefined

/** Whether this system lets a process give up its network. Without that, the protocol whitelist alone keeps ffmpeg off it. */
function canIsolate(): Promise<boolean> {
  isolates ??= new Promise((resolve) => {
    const [program = '', ...args] = [...isolation, 'true']
    const child = spawn(program, args, { stdio: 'ignore' })
    child.once('error', () => resolve(false)).once('close', (code) => resolve(code === 0))
  })
  return isolates
}
