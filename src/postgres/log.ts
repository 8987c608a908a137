import { open, rename, stat } from 'node:fs/promises'

const tailLines = 20
const tailBytes = 16_384
const rotateBytes = 8 * 1024 * 1024

/** Begins a new log file if this one has grown; one older file, `<log>.1`, is kept. */
export async function rotateLog(log: string): Promise<void> {
  const { size } = await stat(log).catch(() => ({ size: 0 }))
  if (size > rotateBytes) await rename(log, `${log}.1`)
}

/** An error whose message ends with the last 20 lines of the server's log and what may be done about it. */
export async function failure(sentence: string, log: string): Promise<Error> {
  return new Error(
    [
      sentence,
      `The last lines of ${log}:`,
      ...(await tail(log)).map((line) => `  ${line}`),
      'If those lines do not help: set DATABASE_URL to use a Postgres of your own.',
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
