import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'

/** The last port of this directory's server if it is free, otherwise any free one. */
export async function choosePort(portFile: string): Promise<number> {
  const last = Number(await readFile(portFile, 'utf8').catch(() => ''))
  return last > 0 && (await isFree(last)) ? last : await anyFree()
}

/**
 * Chooses below 32768, where the ports of outgoing connections begin: while the server is down, such a connection could take its
 * port, even a client's own attempt to reach it.
 */
async function anyFree(): Promise<number> {
  for (let left = 20; left > 0; left -= 1) {
    const port = 15_000 + Math.floor(Math.random() * 17_000)
    if (await isFree(port)) return port
  }
  return await bind(0)
}

export async function savePort(portFile: string, port: number): Promise<void> {
  await writeFile(portFile, `${port}\n`)
}

export async function isFree(port: number): Promise<boolean> {
  return await bind(port).then(
    () => true,
    () => false,
  )
}

async function bind(port: number): Promise<number> {
  const server = createServer().listen({ port, host: '127.0.0.1', exclusive: true })
  await once(server, 'listening')
  const { port: bound } = server.address() as AddressInfo // of a TCP server that listens
  server.close()
  await once(server, 'close')
  return bound
}
