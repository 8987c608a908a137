import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { onTestFinished } from 'vitest'
import { readPidFile } from '../../src/postgres/pid-file.ts'
import { startEmbeddedServer } from '../../src/postgres/server.ts'
import { afterFile } from '../support/after-file.ts'

/** A path for a server in a new directory. After the test its server is killed and the directory removed. */
export async function newDirectory({ mode = 0o700 } = {}): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'reelpilot-embedded-'))
  await chmod(parent, mode)
  const directory = join(parent, 'database')
  onTestFinished(async () => {
    const lock = await readPidFile(join(directory, 'pgdata'))
    if (lock && (await isPostgres(lock.pid))) await killAndWait(lock.pid, 'SIGQUIT')
    await rm(parent, { recursive: true })
  })
  return directory
}

/** Like `newDirectory`, with the data of a server that was started and stopped. A copy takes a tenth of the time of a first start. */
export async function initialisedDirectory(): Promise<string> {
  prepared ??= prepareDirectory()
  const directory = await newDirectory()
  // `-a` keeps the owner: started by root, the server runs as another user.
  await promisify(execFile)('cp', ['-a', await prepared, directory])
  return directory
}

let prepared: Promise<string> | undefined

async function prepareDirectory(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'reelpilot-embedded-'))
  afterFile(async () => {
    prepared = undefined
    await rm(parent, { recursive: true })
  })
  await chmod(parent, 0o700)
  const directory = join(parent, 'prepared')
  await (await startEmbeddedServer({ directory })).stop()
  return directory
}

export async function postmasterOf(directory: string): Promise<number> {
  const lock = await readPidFile(join(directory, 'pgdata'))
  if (!lock) throw new Error(`no server runs in ${directory}`)
  return lock.pid
}

/** Sends a signal to any process and waits for its end. */
export async function killAndWait(pid: number, signal: NodeJS.Signals): Promise<void> {
  process.kill(pid, signal)
  while (await isAlive(pid)) await new Promise(setImmediate)
}

/** A zombie is not alive. */
export async function isAlive(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return state !== undefined && !/\) Z /.test(state)
}

async function isPostgres(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() === 'postgres'
}

export interface Keeper {
  readonly process: ChildProcess
  readonly url: string
  readonly attached: boolean
  readonly firstRun: boolean
}

/** Starts a server in another process, which is killed at the end of the test. */
export async function keepServer(directory: string, options: SpawnOptions = {}): Promise<Keeper> {
  const script = fileURLToPath(new URL('keep-server.ts', import.meta.url))
  const child = spawn(process.execPath, [script, directory], {
    ...options,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })
  const [line] = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => ['null'])])
  const report = JSON.parse(String(line))
  if (!report) throw new Error('the other process ended without a server')
  return { process: child, ...report }
}

/** Runs one statement on a new connection. */
export async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}
