import { randomBytes } from 'node:crypto'
import { type Bucket, createS3Client, type S3Client } from '../../../src/providers/storage/s3/s3-client.ts'
import { Secret } from '../../../src/secret.ts'
import type { S3Server } from './shared-server.ts'

export interface TestBucket extends Bucket {
  /** The setting that names it. */
  readonly url: string
  /** Sends requests of its own, past the storage. */
  readonly client: S3Client
}

/** Creates a bucket of a test's own. `accessKeyId` and `secretAccessKey`: of its owner. */
export async function createTestBucket(server: S3Server): Promise<TestBucket> {
  const name = `test-${randomBytes(6).toString('hex')}`
  const { endpoint, accessKeyId, secretAccessKey } = server
  const bucket: Bucket = { endpoint, name, accessKeyId, secretAccessKey: new Secret(secretAccessKey) }
  const client = createS3Client(bucket, { guard: (_call, run) => run() })
  const answer = await client.send({ method: 'PUT', key: '' })
  await answer.body?.cancel()
  const url = new URL(`${endpoint}/${name}`)
  url.username = encodeURIComponent(accessKeyId)
  url.password = encodeURIComponent(secretAccessKey)
  return { ...bucket, url: url.href, client }
}
