import { createHash } from 'node:crypto'
import { glob, readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { createApiKey } from '../../../src/commands/tenant/create-api-key.ts'
import { startAppProcess, untilReady } from '../../support/app-process.ts'
import { createTestDatabase } from '../../support/database.ts'
import { expectEverySlotPostedOnce, jobsOf, waitUntilAllEnded } from '../../support/expect-posts.ts'
import { freePort } from '../../support/free-port.ts'
import { useRadosgw } from '../../support/s3/radosgw.ts'
import { createTestBucket } from '../../support/s3/test-bucket.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { createWorkerFixture } from '../../support/worker-fixture.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
const server = await useRadosgw()
const jobs = inForm(4, 12)

/** How often renderers of these machines have started. */
async function countRenders(directories: readonly string[]): Promise<number> {
  let starts = 0
  for (const directory of directories)
    for await (const file of glob(`${directory}/renders/*/starts`)) starts += (await readFile(file)).length
  return starts
}

it('an API and two workers without a shared disk post every slot, and render each scene once', async ({
  skip,
}) => {
  if (!server) return skip('radosgw is not installed')
  const bucket = await createTestBucket(server)
  const fixture = await createWorkerFixture(database, jobs)
  const { tiktok, secretKey } = fixture.settings
  const machine = async () => ({
    DATABASE_URL: database.url,
    S3_URL: bucket.url,
    REELPILOT_DATA: await temporaryDirectory(),
    REELPILOT_SECRET_KEY: secretKey,
    TIKTOK_API_BASE: tiktok.apiBase,
    TIKTOK_CLIENT_KEY: tiktok.clientKey,
    TIKTOK_CLIENT_SECRET: tiktok.clientSecret,
    LATE_POST_GAP_MINUTES: '0',
    LOG_LEVEL: 'warn',
  })
  const port = await freePort()
  const [first, second, third] = [await machine(), await machine(), await machine()]
  const workers = [startAppProcess('worker', first), startAppProcess('worker', second)]
  const api = startAppProcess('api', { ...third, PORT: String(port) })

  await waitUntilAllEnded(database, fixture, 400_000)
  await expectEverySlotPostedOnce(database, fixture)
  // Two scenes each, and all of them differ.
  expect(await countRenders([first.REELPILOT_DATA, second.REELPILOT_DATA])).toBe(2 * jobs)

  await untilReady(port, api)
  const created = await database.runtime.db
    .transaction()
    .execute((tx) =>
      createApiKey(tx, { organizationId: fixture.organizationId, name: 'Viewer', scopes: ['read'] }),
    )
  const key = created.kind === 'done' ? created.key : ''
  for (const { context } of await jobsOf(database, fixture)) {
    const { sha256 } = context.media as { readonly sha256: string }
    const answer = await fetch(`http://127.0.0.1:${port}/media/${sha256}`, {
      headers: { authorization: `Bearer ${key}` },
    })
    expect(
      createHash('sha256')
        .update(await answer.bytes())
        .digest('hex'),
    ).toBe(sha256)
  }
  for (const { child } of [...workers, api]) child.kill('SIGTERM')
  expect((await Promise.all([...workers, api].map(({ exited }) => exited))).map(({ code }) => code)).toEqual([
    0, 0, 0,
  ])
  for (const { output } of [...workers, api]) expect(output()).not.toContain(server.secretAccessKey)
  await fixture.close()
}, 480_000)
