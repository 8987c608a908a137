import type { IncomingMessage } from 'node:http'

const limitBytes = 1_000_000

/** Reads a small body as text; what exceeds a megabyte is cut, and then fails to parse. A body can be read once. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of request) {
    bytes += part.length
    if (bytes <= limitBytes) parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** Swallows a body: a client that is still sending would otherwise see a reset instead of its answer. */
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
