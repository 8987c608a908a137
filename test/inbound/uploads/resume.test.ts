import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Upload } from 'tus-js-client'
import { afterAll, expect, it } from 'vitest'
import { createDiskStorage } from '../../../src/providers/storage/disk-storage.ts'
import { createTenant, mutate } from '../../graphql/support.ts'
import { type AppProcess, startAppProcess, untilReady } from '../../support/app-process.ts'
import { createTestDatabase } from '../../support/database.ts'
import { freePort } from '../../support/free-port.ts'
import { waitUntil } from '../../support/wait.ts'

const database = await createTestDatabase()
const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-resume-'))
const port = await freePort()
let app: AppProcess

afterAll(async () => {
  app.child.kill('SIGKILL')
  await app.exited
  await rm(directory, { recursive: true, force: true })
})

async function start(): Promise<void> {
  app = startAppProcess('api', {
    DATABASE_URL: database.url,
    REELPILOT_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
    REELPILOT_DATA: directory,
    PORT: String(port),
    TIKTOK_LOCAL_PORT: '0',
    LOG_LEVEL: 'error',
  })
  await untilReady(port, app)
}

/** Forwards to the API, and cuts its connections whenever so many more bytes have passed. */
async function startCutter(cuts: number, everyBytes: number, onCut: (count: number) => void) {
  let [passed, done] = [0, 0]
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    }
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    client.on('close', end)
    upstream.on('close', end).pipe(client)
    client.on('data', (bytes) => {
      passed += bytes.length
      if (!upstream.write(bytes)) {
        client.pause()
        upstream.once('drain', () => client.resume())
      }
      if (done < cuts && passed >= everyBytes * (done + 1)) {
        done += 1
        end()
        onCut(done)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  return {
    address: `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`,
    cuts: () => done,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

const megabyte = 1_000_000

it('an upload by tus-js-client survives five cut connections and two killed APIs, byte for byte', async () => {
  await start()
  const tenant = await createTenant(database, {
    fetch: (request) => {
      const { pathname } = new URL(request.url)
      return fetch(new Request(`http://127.0.0.1:${port}${pathname}`, request))
    },
  })
  const bytes = randomBytes(12 * megabyte)
  const announced = await mutate(
    tenant,
    'createUpload',
    { sizeBytes: bytes.length, contentType: 'video/mp4', title: 'Over a bad line' },
    'media { id } token',
  )
  let restarts = 0
  let restarted: Promise<void> = Promise.resolve()
  const cutter = await startCutter(5, 2 * megabyte, (count) => {
    if (count !== 2 && count !== 4) return
    app.child.kill('SIGKILL')
    restarts += 1
    restarted = app.exited.then(start)
  })
  const offsets: number[] = []
  await new Promise<void>((resolve, reject) => {
    const upload = new Upload(bytes, {
      endpoint: `${cutter.address}/uploads`,
      headers: { authorization: `Bearer ${announced.token}` },
      // The API takes seconds to start again.
      retryDelays: Array.from({ length: 200 }, () => 200),
      onShouldRetry: () => true,
      onAfterResponse: (request, response) => {
        if (request.getMethod() === 'HEAD') offsets.push(Number(response.getHeader('Upload-Offset')))
      },
      onSuccess: () => resolve(),
      onError: reject,
    })
    upload.start()
  })
  await restarted
  cutter.close()
  expect([cutter.cuts(), restarts]).toEqual([5, 2])
  // Each resumption continues behind what had arrived: nothing was sent from the beginning again.
  expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
  expect(offsets.at(-1)).toBeGreaterThan(4 * megabyte)

  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const state = async () => {
    const { node } = await tenant.request(
      'query ($id: ID!) { node(id: $id) { ... on Media { state sha256 sizeBytes } } }',
      { id: announced.media.id },
    )
    return node
  }
  expect(await waitUntil(state, (node) => node.state === 'CHECKING')).toEqual({
    state: 'CHECKING',
    sha256,
    sizeBytes: bytes.length,
  })
  const storage = await createDiskStorage({ directory: path.join(directory, 'media') })
  expect(await storage.verify(tenant.organizationId, sha256)).toBe('intact')
  expect(await readdir(path.join(directory, 'uploads', tenant.organizationId))).toEqual([])
}, 180_000)
