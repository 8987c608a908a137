import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Writable } from 'node:stream'

const require = createRequire(import.meta.url)
const stderrKept = 4000

/** The ffmpeg that came with the npm packages. Throws where there is none for this platform. */
export function bundledFfmpeg(): string {
  const { path } = require('@ffmpeg-installer/ffmpeg') as { path: string } // the package has no usable types
  chmodSync(path, 0o755) // some installers unpack it without its executable bit
  return path
}

export interface Ffmpeg {
  /** Writes to ffmpeg's standard input and waits until it was taken. Fails when ffmpeg has ended. */
  write(bytes: Uint8Array): Promise<void>
  /** Closes the input and waits for ffmpeg to finish. Throws an error with its last words when it did not succeed. */
  finish(): Promise<void>
}

/**
 * Starts ffmpeg with its standard input as a pipe. The signal kills it.
 *
 * ffmpeg sees the end of its input, and ends, also when this process dies without a chance to kill it.
 */
export function startFfmpeg(executable: string, args: readonly string[], signal: AbortSignal): Ffmpeg {
  const child = spawn(executable, ['-hide_banner', '-loglevel', 'error', '-y', ...args], {
    stdio: ['pipe', 'ignore', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  })
  const ended = endOf(child)
  ended.catch(() => {}) // whoever awaits it next reports it
  const input: Writable = child.stdin
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

async function endOf(child: ChildProcess): Promise<void> {
  let lastWords = ''
  child.stderr?.on('data', (text) => {
    lastWords = (lastWords + text).slice(-stderrKept)
  })
  const [code, killedBy] = await once(child, 'close')
  if (code !== 0) throw new Error(`ffmpeg ended with ${code ?? killedBy}: ${lastWords.trim()}`)
}
