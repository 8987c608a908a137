import { openSync, writeSync } from 'node:fs'
import { Writable } from 'node:stream'
import { type Logger, multistream, pino } from 'pino'
import pretty from 'pino-pretty'

export type { Logger }

/** Paths that never reach a log, should anybody pass them; secrets are also wrapped so that they cannot print. */
const redacted = [
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
  redact: { paths: redacted, censor: '[redacted]' },
})

/** Written through `process.stderr`, whose errors are heard: a reader that is gone must not end the process. */
const standardError = { write: (text: string) => void process.stderr.write(text) }

/** Structured logs on standard error: JSON lines, or readable ones on a terminal. */
export function createLogger(level: string, isReadable: boolean): Logger {
  return pino(optionsOf(level), isReadable ? readable(standardError.write) : standardError)
}

/**
 * Logs beside what a person watches: all go to a file as JSON lines, and what the person has to know of, warnings and errors,
 * is also told in readable ones. The file is made with the first line.
 */
export function createFileLogger(level: string, file: string, tell: (text: string) => void): Logger {
  const streams = [
    { level: 'trace', stream: appendTo(file) },
    { level: 'warn', stream: readable(tell) },
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
        // A full disk, for one, must not end what the log only tells of.
      }
    },
  }
}
