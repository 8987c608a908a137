import { open, rename, stat } from 'node:fs/promises'

const tailLines = 20
const tailBytes = 16_384
const rotateBytes = 8 * 1024 * 1024

/** Starts a new log file once this one exceeds 8 MiB. One older file, `<log>.1`, is kept. */
export async function rotateLog(log: string): Promise<void> {
  const { size } = await stat(log).catch(() => ({ size: 0 }))
  if (size > rotateBytes) await rename(log, `${log}.1`)
}

/** An error whose message ends with the last 20 lines of the server's log and a remedy. */
export async function errorWithLog(sentence: string, log: string): Promise<Error> {
  return new Error(
    [
      sentence,
      `The last lines of ${log}:`,
      ...(await tail(log)).map((line) => `  ${line}`),
      'If these lines do not help, set DATABASE_URL to use your own Postgres.',
    ].join('\n'),
  )
}

async function tail(log: string): Promise<string[]> {
  const file = await open(log)
  try {
    const { size } = await file.stat()
    const from = Math.max(0, size - tailBytes)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(tailBytes), 0, tailBytes, from)
    return buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n').slice(-tailLines)
  } finally {
    await file.close()
  }
}
