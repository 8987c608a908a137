import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createAccount } from '../support/account.ts'
import { startAppProcess } from '../support/app-process.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'

async function doctor(environment: Readonly<Record<string, string>>) {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-doctor-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const app = startAppProcess('doctor', { REELPILOT_DATA: directory, ...environment })
  const { code } = await app.exited
  return { code, lines: app.output().trimEnd().split('\n') }
}

it('the command `doctor` prints a line for each check and exits with 1 if one has a problem', async () => {
  const database = await createTestDatabase()
  const environment = {
    DATABASE_URL: database.url,
    REELPILOT_SECRET_KEY: randomBytes(32).toString('base64'),
  }
  expect(await doctor(environment)).toEqual({
    code: 0,
    lines: ['ok     database', 'ok     disk', 'ok     keys', 'ok     ffmpeg'],
  })

  const accountId = await createAccount(database, await createOrganization(database))
  await database.owner.pool.query(
    `update reelpilot.account set access_token_sealed = 'v2.deadbeef.x.y' where id = $1`,
    [accountId],
  )
  expect(await doctor({ ...environment, FFMPEG_PATH: '/nope', REELPILOT_DATA: '/dev/null' })).toEqual({
    code: 1,
    lines: [
      'ok     database',
      expect.stringMatching(/^WRONG {2}disk {6}REELPILOT_DATA: \/dev\/null cannot be used/),
      expect.stringMatching(/^WRONG {2}keys {6}.* under key deadbeef, which is missing: add it to/),
      expect.stringMatching(/^WRONG {2}ffmpeg {4}FFMPEG_PATH: \/nope cannot be run/),
    ],
  })

  await database.owner.pool.query(
    `delete from reelpilot.migration where name = (select max(name) from reelpilot.migration)`,
  )
  expect((await doctor(environment)).lines.slice(0, 1)).toEqual([
    expect.stringMatching(/^WRONG {2}database {2}The database is not migrated to this build: run/),
  ])
  expect(await doctor({ DATABASE_URL: 'postgres://127.0.0.1:1/unused' })).toMatchObject({
    code: 1,
    lines: [
      expect.stringMatching(
        /^WRONG {2}database {2}DATABASE_URL: nothing listens at 127\.0\.0\.1:1; start that/,
      ),
      'ok     disk',
      expect.stringMatching(/^WRONG {2}keys {6}The needed keys are unknown without the database/),
      'ok     ffmpeg',
    ],
  })
})
