import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { jobsOf } from '../../support/expect-posts.ts'
import { waitUntil } from '../../support/wait.ts'
import { createWorkerFixture, startWorkerProcess, type WorkerFixture } from '../../support/worker-fixture.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
const slots = inForm(4, 8)

it('no token, authorization code or upload URL is in the database, the queue or the logs', async () => {
  const fixture = await createWorkerFixture(database, slots, {
    sameVideo: true,
    simulatorSettings: { accessTtlSeconds: 20 },
  })
  // Unreadable answers, refusals and errors are logged and stored, so they could leak secrets.
  for (const [endpoint, nth] of [
    ['videoInit', 2],
    ['statusFetch', 3],
    ['creatorInfo', 1],
    ['token', 2],
  ] as const)
    fixture.tiktok.injectFault({ endpoint, effect: { kind: 'garble' }, nth })
  fixture.tiktok.injectFault({ endpoint: 'upload', effect: { kind: 'status', status: 502 }, nth: 1 })

  let logs = ''
  const worker = startWorkerProcess({ ...fixture.settings, logLevel: 'trace' }, (text) => {
    logs += text
  })
  try {
    // A garbled answer to a refresh is lost: the account needs its creator, and its jobs wait.
    const rests = new Set(['published', 'waitingForAccount'])
    await waitUntil(
      () => jobsOf(database, fixture),
      (jobs) => jobs.length === slots && jobs.every((job) => rests.has(job.state)),
      300_000,
    )
  } finally {
    worker.child.kill('SIGTERM')
    await worker.exited
  }
  const secrets = await secretsOf(fixture)
  expect(secrets.length).toBeGreaterThan(10)
  const dump = await dumpOf()
  // Public values are found, so the search works.
  expect(dump).toContain(fixture.organizationId)
  expect(logs).not.toBe('')
  expect(secrets.filter((secret) => dump.includes(secret))).toEqual([])
  expect(secrets.filter((secret) => logs.includes(secret))).toEqual([])
  await fixture.close()
}, 480_000)

/** All secrets that the local TikTok has issued, from its record file, and the keys of the app and of the vault. */
async function secretsOf(fixture: WorkerFixture): Promise<readonly string[]> {
  const records = await readFile(path.join(fixture.settings.directory, 'tiktok', 'records.jsonl'), 'utf8')
  const secrets = new Set([fixture.settings.tiktok.clientSecret, fixture.settings.secretKey])
  for (const line of records.split('\n').filter((text) => text !== '')) {
    const [table, key, row] = JSON.parse(line) as [string, string, { uploadToken?: string }]
    if (['access', 'refresh', 'code'].includes(table)) secrets.add(key)
    if (row.uploadToken) secrets.add(row.uploadToken)
  }
  return [...secrets]
}

/** Every row of every table of our schema and the queue's, as text. */
async function dumpOf(): Promise<string> {
  const { db } = database.owner
  const { rows } = await sql<{ schema: string; name: string }>`
    select table_schema as schema, table_name as name from information_schema.tables
     where table_schema in ('reelpilot', 'reelpilot_queue') and table_type = 'BASE TABLE'`.execute(db)
  const parts = await Promise.all(
    rows.map(({ schema, name }) =>
      sql<{ text: string }>`select t::text as text from ${sql.id(schema, name)} t`.execute(db),
    ),
  )
  return parts.flatMap((part) => part.rows.map(({ text }) => text)).join('\n')
}
