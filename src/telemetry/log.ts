import { type Logger, pino } from 'pino'

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

/** Structured logs on standard error: JSON lines, or readable ones on a terminal. */
export function createLogger(level: string, pretty: boolean): Logger {
  return pino(
    {
      level,
      base: null,
      redact: { paths: redacted, censor: '[redacted]' },
      ...(pretty
        ? {
            transport: {
              target: 'pino-pretty',
              options: { destination: 2, ignore: 'pid,hostname', translateTime: 'HH:MM:ss' },
            },
          }
        : {}),
    },
    ...(pretty ? [] : [pino.destination(2)]),
  )
}
