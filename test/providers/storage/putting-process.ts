import { setTimeout as later } from 'node:timers/promises'
import { createDiskStorage } from '../../../src/providers/storage/disk-storage.ts'
import { createS3Storage } from '../../../src/providers/storage/s3/s3-storage.ts'
import { Secret } from '../../../src/secret.ts'

/** Where a process puts an object, until it is killed. */
export type PuttingSettings =
  | { readonly kind: 'disk'; readonly directory: string }
  | {
      readonly kind: 's3'
      readonly directory: string
      readonly endpoint: string
      readonly name: string
      readonly accessKeyId: string
      readonly secretAccessKey: string
    }

const settings: PuttingSettings = JSON.parse(process.argv[2] ?? '')
const block = Buffer.alloc(1_000_000, 'x')

async function* source() {
  for (let sent = 0; sent < 8; sent += 1) yield block
  // A disk storage is killed while it waits for more; a bucket is sent what has arrived.
  if (settings.kind === 'disk') await later(600_000)
}

if (settings.kind === 'disk') {
  await (await createDiskStorage({ directory: settings.directory })).put('org_1', source())
} else {
  const { directory, secretAccessKey, ...bucket } = settings
  const storage = await createS3Storage({
    bucket: { ...bucket, secretAccessKey: new Secret(secretAccessKey) },
    cache: { directory, maxBytes: 100_000_000 },
  })
  await storage.put('org_1', source())
}
