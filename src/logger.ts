import { openSync, writeSync } from 'node:fs'
import { Writable } from 'node:stream'
import { type Logger, multistream, pino } from 'pino'
import pretty from 'pino-pretty'

export type { Logger }

/** Properties that are never logged. Secrets are also wrapped in `Secret`, which cannot be printed. */
const redactedPaths = [
  '*.authorization',
  '*.access_token',
  '*.refresh_token',
  '*.apiKey',
  '*.uploadUrl',
  'authorization',
]

const optionsOf = (level: string) => ({
  level,
  base: null,
  redact: { paths: redactedPaths, censor: '[redacted]' },
})

/** Writes through `process.stderr`, whose errors are handled: a closed pipe must not end the process. */
const standardError = { write: (text: string) => void process.stderr.write(text) }

/** Logs to the standard error: JSON lines, or readable ones on a terminal. */
export function createLogger(level: string, isReadable: boolean): Logger {
  return pino(optionsOf(level), isReadable ? readable(standardError.write) : standardError)
}

/**
 * Logs to a file as JSON lines, and prints warnings and errors readably, for a start on a terminal. The file is created with
 * the first line.
 */
export function createFileLogger(level: string, file: string, print: (text: string) => void): Logger {
  const streams = [
    { level: 'trace', stream: appendTo(file) },
    { level: 'warn', stream: readable(print) },
  ] as const
  return pino(optionsOf(level), multistream([...streams]))
}

function readable(write: (text: string) => void) {
  const destination = new Writable({
    write(chunk, _encoding, done) {
      write(String(chunk))
      done()
    },
  })
  return pretty({
    destination,
    colorize: true,
    ignore: 'pid,hostname',
    translateTime: 'HH:MM:ss',
    sync: true,
  })
}

function appendTo(file: string): { write(line: string): void } {
  let handle: number | undefined
  return {
    write(line) {
      try {
        handle ??= openSync(file, 'a', 0o600)
        writeSync(handle, line)
      } catch {
        // A full disk, for example, must not end the process.
      }
    },
  }
}
