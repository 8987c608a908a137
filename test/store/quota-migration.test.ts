import { readdir, readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { auditQuota } from '../../src/store/quota/audit.ts'
import { settleQuota } from '../../src/store/quota/reservations.ts'
import { createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const { db } = database.owner
const folder = new URL('../../migrations/', import.meta.url)

const organizationId = '11111111-1111-4111-8111-111111111111'
const [used, running] = ['22222222-2222-4222-8222-222222222222', '33333333-3333-4333-8333-333333333333']

/** What an organization had before there were periods: two grants, a job that is over and one that runs, a file. */
const before = `
  insert into organization (id, name) values ('${organizationId}', 'Old');
  insert into event_head values ('${organizationId}');
  insert into job (id, organization_id, machine, version, state, tag, context, step, revision, wake_at) values
    ('${used}', '${organizationId}', 'job', 1, 'published', 'resting', '{}', null, 1, null),
    ('${running}', '${organizationId}', 'job', 1, 'storing', 'working', '{"reserved":true}', '{}', 1, now());
  insert into quota (organization_id, metric, granted, reserved, used) values
    ('${organizationId}', 'videos', 10, 1, 1), ('${organizationId}', 'seconds', 100, 4, 3);
  insert into quota_entry (organization_id, metric, kind, amount, job_id, reason, created_at) values
    ('${organizationId}', 'videos', 'grant', 4, null, 'first', '2026-01-01'),
    ('${organizationId}', 'videos', 'grant', 6, null, 'second', '2026-01-02'),
    ('${organizationId}', 'seconds', 'grant', 100, null, null, '2026-01-02'),
    ('${organizationId}', 'videos', 'reserve', 1, '${used}', null, '2026-01-03'),
    ('${organizationId}', 'seconds', 'reserve', 3, '${used}', null, '2026-01-03'),
    ('${organizationId}', 'videos', 'commit', 1, '${used}', null, '2026-01-04'),
    ('${organizationId}', 'seconds', 'commit', 3, '${used}', null, '2026-01-04'),
    ('${organizationId}', 'videos', 'reserve', 1, '${running}', null, '2026-01-05'),
    ('${organizationId}', 'seconds', 'reserve', 4, '${running}', null, '2026-01-05');
  insert into media values ('${organizationId}', repeat('a', 64), 700, 3, 360, 640, 'video/mp4');`

it('carries over what there was: all of it belongs to all time, with the balance of every entry', async () => {
  await sql`drop schema reelpilot cascade; create schema reelpilot`.execute(db)
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  await db.transaction().execute(async (tx) => {
    for (const file of files) {
      if (file.startsWith('0015'))
        await sql.raw(`set local role reelpilot_runtime; ${before} reset role`).execute(tx)
      await sql.raw(await readFile(new URL(file, folder), 'utf8')).execute(tx)
    }
  })

  const { db: runtime } = database.runtime
  expect(await auditQuota(runtime, organizationId)).toEqual([])
  const pots = await runtime
    .selectFrom('quota')
    .select(['metric', 'period', 'granted', 'available', 'reserved', 'used'])
    .orderBy('metric')
    .execute()
  expect(pots).toEqual([
    { metric: 'seconds', period: 'total', granted: 100, available: 93, reserved: 4, used: 3 },
    { metric: 'storageBytes', period: 'total', granted: 700, available: 0, reserved: 0, used: 700 },
    { metric: 'videos', period: 'total', granted: 10, available: 8, reserved: 1, used: 1 },
  ])
  const entries = await runtime
    .selectFrom('quota_entry')
    .select(['kind', 'amount', 'balance', 'reason', 'counted_at'])
    .where('metric', '=', 'videos')
    .orderBy('created_at')
    .execute()
  expect(entries.map(({ counted_at: at, ...entry }) => ({ ...entry, at: at.getDate() }))).toEqual([
    { kind: 'grant', amount: 4, balance: 4, reason: 'first', at: 1 },
    { kind: 'grant', amount: 6, balance: 10, reason: 'second', at: 2 },
    { kind: 'reserve', amount: 1, balance: 9, reason: null, at: 3 },
    { kind: 'commit', amount: 1, balance: 9, reason: null, at: 3 },
    { kind: 'reserve', amount: 1, balance: 8, reason: null, at: 5 },
  ])

  // The job that was running is closed as ever.
  const verdicts = { videos: 'commit', seconds: 'commit', uploads: 'release' } as const
  expect(await settleQuota(runtime, running, verdicts)).toEqual([
    { metric: 'seconds', kind: 'commit', amount: 4 },
    { metric: 'videos', kind: 'commit', amount: 1 },
  ])
  expect(await auditQuota(runtime, organizationId)).toEqual([])
})
