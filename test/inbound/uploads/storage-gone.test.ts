import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { UploadFiles } from '../../../src/inbound/uploads/upload-files.ts'
import { createUploadRoute } from '../../../src/inbound/uploads/upload-route.ts'
import { createLogger } from '../../../src/logger.ts'
import { createS3Storage } from '../../../src/providers/storage/s3/s3-storage.ts'
import { Secret } from '../../../src/secret.ts'
import { createChangeNotifier } from '../../../src/store/event/notify.ts'
import { insertStoredVideo } from '../../../src/store/media/stored-video.ts'
import { createTenant, createTestApi, testSigner } from '../../graphql/support.ts'
import { afterFile } from '../../support/after-file.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createTestDatabase } from '../../support/database.ts'

it('while the object storage is gone, files and finished uploads are answered with 503, and no byte is lost', async () => {
  const database = await createTestDatabase()
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-gone-'))
  afterFile(() => rm(directory, { recursive: true, force: true }))
  const storage = await createS3Storage({
    // Nothing listens there.
    bucket: {
      endpoint: 'http://127.0.0.1:1',
      name: 'bucket',
      accessKeyId: 'k',
      secretAccessKey: new Secret('s'),
    },
    cache: { directory: path.join(directory, 'cache'), maxBytes: 1_000_000 },
  })
  const notifications = createChangeNotifier(database.api)
  afterFile(notifications.close)
  const files = await UploadFiles.open(path.join(directory, 'uploads'))
  const route = createUploadRoute({
    db: database.api.db,
    deps: await createCommandDeps(database),
    notifications,
    storage,
    signer: testSigner,
    files,
    publicUrl: undefined,
    log: createLogger('silent', false),
  })
  const api = await createTestApi(database, { routes: [route], storage, log: createLogger('silent', false) })
  const address = await api.listen(0, '127.0.0.1')
  const { key, organizationId } = await createTenant(database, api)
  const authorization = `Bearer ${key}`

  const sha256 = 'ab'.repeat(32)
  await insertStoredVideo(database.runtime.db, {
    organizationId,
    sha256,
    bytes: 9,
    seconds: 3,
    width: 360,
    height: 640,
  })
  const file = await fetch(`${address}/media/${sha256}`, { headers: { authorization } })
  expect([file.status, file.headers.get('retry-after')]).toEqual([503, '10'])
  expect(await file.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] })

  const headers = { authorization, 'tus-resumable': '1.0.0' }
  const created = await fetch(`${address}/uploads`, {
    method: 'POST',
    headers: { ...headers, 'upload-length': '5000', 'upload-metadata': `filetype ${btoa('video/mp4')}` },
  })
  const url = new URL(created.headers.get('location') ?? '', address)
  const sent = await fetch(url, {
    method: 'PATCH',
    headers: { ...headers, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
    body: randomBytes(5_000),
  })
  expect([sent.status, (await sent.json()).errors[0].extensions.code]).toEqual([503, 'UNAVAILABLE'])
  expect(await files.list()).toHaveLength(1)
})
