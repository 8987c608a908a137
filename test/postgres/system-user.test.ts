import { spawnSync } from 'node:child_process'
import { chown, mkdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { startEmbeddedServer } from '../../src/postgres/server.ts'
import { keepServer, newDirectory, postmasterOf, query } from './playground.ts'

const isRoot = process.geteuid?.() === 0
const nobody = { uid: 65534, gid: 65534 }
/** False if the project lies in a directory that other users may not pass. */
const nobodyCanRunNode =
  isRoot && spawnSync(process.execPath, ['--version'], { ...nobody, cwd: '/' }).status === 0

test.skipIf(!isRoot)('started by root in a closed directory, Postgres gets one capability', async () => {
  const directory = await newDirectory({ mode: 0o700 })
  const server = await startEmbeddedServer({ directory })

  const { uid, capabilities } = await processOf(directory)
  expect(uid).toBeGreaterThan(0)
  // dac_read_search, or dac_override where root does not have the former (Docker).
  expect(['4', '2']).toContain(capabilities)
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test.skipIf(!nobodyCanRunNode)(
  'started by root in an open directory, Postgres gets no capability',
  async () => {
    const directory = await newDirectory({ mode: 0o755 })
    await startEmbeddedServer({ directory })

    const { uid, capabilities } = await processOf(directory)
    expect(uid).toBeGreaterThan(0)
    expect(capabilities).toBe('0')
    expect((await stat(join(directory, 'pgdata'))).uid).toBe(uid)
  },
)

test.skipIf(!nobodyCanRunNode)(
  'a plain user runs Postgres as themselves, and root later as that user',
  async () => {
    const directory = await newDirectory({ mode: 0o755 })
    await mkdir(directory, { mode: 0o700 })
    await chown(directory, nobody.uid, nobody.gid)

    const keeper = await keepServer(directory, { ...nobody, cwd: '/' })
    expect(keeper.firstRun).toBe(true)
    expect(await processOf(directory)).toEqual({ uid: nobody.uid, capabilities: '0' })
    const asRoot = await startEmbeddedServer({ directory })
    expect(asRoot).toMatchObject({ url: keeper.url, attached: true })
    await asRoot.stop()
    await startEmbeddedServer({ directory })
    expect((await processOf(directory)).uid).toBe(nobody.uid)
    expect((await stat(dirname(directory))).uid).toBe(0)
  },
)

async function processOf(directory: string): Promise<{ uid: number; capabilities: string | undefined }> {
  const status = await readFile(`/proc/${await postmasterOf(directory)}/status`, 'utf8')
  return {
    uid: Number(/^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1]),
    capabilities: /^CapEff:\s+0*([0-9a-f]+)$/m.exec(status)?.[1],
  }
}
