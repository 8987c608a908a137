import type { IncomingMessage } from 'node:http'

const maxBodyBytes = 1_000_000

/** Reads a body of at most 1 MB as text. A longer body is cut and then fails to parse. Call it once per request. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of request) {
    bytes += part.length
    if (bytes <= maxBodyBytes) parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** Reads and discards a body: a client that is still sending would see a reset instead of its answer. */
export async function drain(request: IncomingMessage): Promise<void> {
  for await (const _ of request);
}

export type JsonObject = Readonly<Record<string, unknown>>

export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
