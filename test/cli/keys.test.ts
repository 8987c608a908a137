import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createKeyCheck, openKeys, openRequiredKeys } from '../../src/app/keys.ts'
import { rotateKeys } from '../../src/cli/keys.ts'
import { insertConnectedAccount } from '../../src/commands/account/insert-account.ts'
import { readConfig } from '../../src/config.ts'
import { createLogger } from '../../src/logger.ts'
import { Secret } from '../../src/secret.ts'
import { ConfigError } from '../../src/startup-error.ts'
import { readTokens } from '../../src/store/account/tokens.ts'
import { createEncryptor } from '../../src/vault/encryptor.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const log = createLogger('silent', false)

/** An installation with one connected account, and how to open its access token as a process that has just started. */
async function setUp(environment: Readonly<Record<string, string>> = {}) {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-keys-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const configOf = (more: Readonly<Record<string, string>> = {}) =>
    readConfig({ REELPILOT_DATA: directory, ...environment, ...more }, false)
  const organizationId = await createOrganization(database)
  const accountId = randomUUID()
  const associatedDataOf = (column: string) => ({ organizationId, row: accountId, column })
  const running = createEncryptor(openKeys(configOf()).ring)
  await insertConnectedAccount(db, {
    accountId,
    organizationId,
    creator: { openId: accountId, username: 'ann', displayName: 'Ann', scopes: [] },
    tokens: {
      accessTokenSealed: running.seal(new Secret('act.one'), associatedDataOf('access_token')),
      refreshTokenSealed: running.seal(new Secret('rft.one'), associatedDataOf('refresh_token')),
      expiresInSeconds: 7_200,
      refreshExpiresInSeconds: 15_552_000,
    },
  })
  const sealed = async () => (await readTokens(db, accountId))?.accessTokenSealed ?? ''
  const open = async (encryptor = createEncryptor(openKeys(configOf()).ring)) =>
    encryptor.open(await sealed(), associatedDataOf('access_token')).reveal()
  return { directory, configOf, running, sealed, open }
}

it('the command `keys rotate` rotates the key file under running processes and drops unneeded keys', async () => {
  const { directory, configOf, running, sealed, open } = await setUp()
  const before = await sealed()
  expect(await rotateKeys(configOf(), database.url, log)).toContain('re-wrapped')
  expect(await sealed()).not.toBe(before)
  // A running process reads the new key, and so does one that starts.
  expect(await open(running)).toBe('act.one')
  expect(await open()).toBe('act.one')
  expect(await rotateKeys(configOf(), database.url, log)).toContain('it was dropped')
  expect((await readFile(path.join(directory, 'secret-key'), 'utf8')).trim().split('\n')).toHaveLength(2)
  expect(await open(running)).toBe('act.one')
})

it('the command `keys rotate` re-wraps everything under the first given key and reports which key is unneeded', async () => {
  const [old, fresh] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
  const { configOf, open } = await setUp({ REELPILOT_SECRET_KEY: old })
  const both = configOf({ REELPILOT_SECRET_KEY: `${fresh},${old}` })
  expect(await rotateKeys(both, database.url, log)).toContain(
    'remove it from the list once every process has the new list',
  )
  const freshOnly = createEncryptor(openKeys(configOf({ REELPILOT_SECRET_KEY: fresh })).ring)
  expect(await open(freshOnly)).toBe('act.one')
})

it('a start without a needed key is refused and creates no new one', async () => {
  const { directory, configOf, running, sealed } = await setUp()
  const file = path.join(directory, 'secret-key')
  const id = running.keyIdOf(await sealed()) ?? ''
  await database.owner.pool.query(
    `update reelpilot.account set access_token_sealed = null, refresh_token_sealed = null
      where access_token_sealed not like $1`,
    [`v2.${id}.%`],
  )
  await expect(openRequiredKeys(configOf(), database.runtime)).resolves.toBeDefined()
  let now = 0
  const check = createKeyCheck(openKeys(configOf()).ring, database.runtime, () => now)
  expect(await check.missing()).toEqual([])

  // The file is lost: no new one is created, and a running process detects that.
  await rename(file, `${file}.away`)
  const refusedStart = openRequiredKeys(configOf(), database.runtime)
  await expect(refusedStart).rejects.toThrow(ConfigError)
  await expect(refusedStart).rejects.toThrow(
    new RegExp(`under key ${id}, which is missing: restore the file`),
  )
  await expect(rotateKeys(configOf(), database.url, log)).rejects.toThrow(ConfigError)
  expect(existsSync(file)).toBe(false)
  // The result of a check is cached for five seconds.
  expect(await check.missing()).toEqual([])
  now += 5_000
  expect(await check.missing()).toEqual([id])

  // Another key, from the environment or from the file, is no replacement.
  const REELPILOT_SECRET_KEY = randomBytes(32).toString('base64')
  await expect(openRequiredKeys(configOf({ REELPILOT_SECRET_KEY }), database.runtime)).rejects.toThrow(
    new RegExp(`under key ${id}, which is missing: add it to REELPILOT_SECRET_KEY`),
  )
  await writeFile(file, `${REELPILOT_SECRET_KEY}\n`)
  await expect(openRequiredKeys(configOf(), database.runtime)).rejects.toThrow(new RegExp(id))

  await rename(`${file}.away`, file)
  await expect(openRequiredKeys(configOf(), database.runtime)).resolves.toBeDefined()
})
