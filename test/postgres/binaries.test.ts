import { spawnSync } from 'node:child_process'
import { chmod, cp, lstat, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findBinaries, repairPackage } from '../../src/postgres/binaries.ts'

test('a package whose install script was blocked is repaired', async () => {
  const { directory, programs } = await copyAsPacked()
  const runs = () => spawnSync(programs.initdb, ['--version']).status === 0
  expect(runs()).toBe(false)

  await repairPackage(directory, Object.values(programs))
  expect(runs()).toBe(true)
  expect(spawnSync(programs.postgres, ['--version']).stdout.toString()).toMatch(/PostgreSQL\) 18\./)
})

test('a package can be repaired concurrently and repeatedly', async () => {
  const { directory, programs } = await copyAsPacked()
  await Promise.all([1, 2].map(() => repairPackage(directory, Object.values(programs))))
  await repairPackage(directory, Object.values(programs))
  expect(spawnSync(programs.initdb, ['--version']).status).toBe(0)
})

test('a package that cannot be repaired is reported with the remedy', async () => {
  const { directory, programs } = await copyAsPacked()
  await rm(programs.postgres)
  await expect(repairPackage(directory, Object.values(programs))).rejects.toThrow(/npm rebuild.*DATABASE_URL/)
})

/** Copies the package as npm unpacks it: without links and execute permissions. */
async function copyAsPacked() {
  const { initdb, pg_ctl, postgres } = await findBinaries()
  const original = dirname(dirname(dirname(initdb)))
  const directory = await mkdtemp(join(tmpdir(), 'reelpilot-package-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  await cp(original, directory, {
    recursive: true,
    filter: async (path) => !(await lstat(path)).isSymbolicLink() && !path.includes('/share/'),
  })
  const moved = (path: string) => join(directory, path.slice(original.length))
  const programs = { initdb: moved(initdb), pg_ctl: moved(pg_ctl), postgres: moved(postgres) }
  for (const name of await readdir(join(directory, 'native', 'bin'))) {
    await chmod(join(directory, 'native', 'bin', name), 0o644)
  }
  return { directory, programs }
}
