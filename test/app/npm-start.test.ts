import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { readPidFile } from '../../src/postgres/pid-file.ts'
import { startEmbeddedServer } from '../../src/postgres/server.ts'
import { freePort } from '../support/free-port.ts'
import { waitUntil } from '../support/wait.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const root = fileURLToPath(new URL('../..', import.meta.url))
let directory = ''

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-npm-'))
  const server = await startEmbeddedServer({ directory: path.join(directory, 'postgres') })
  await server.stop()
})
afterAll(() => rm(directory, { recursive: true, force: true }))

interface Terminal {
  readonly child: ChildProcess
  output(): string
  /** Every process that runs in this terminal, by its command line. */
  processes(): Promise<readonly string[]>
}

/** Runs a command in a session of its own, as in a terminal. */
async function type(command: string): Promise<Terminal> {
  const child = spawn('sh', ['-c', command], {
    cwd: root,
    detached: true,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      REELPILOT_DATA: directory,
      PORT: String(await freePort()),
      TIKTOK_LOCAL_PORT: String(await freePort()),
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const pid = child.pid ?? Number.NaN
  onTestFinished(async () => {
    for (const [left] of await processesOf(pid)) process.kill(left, 'SIGKILL')
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  return {
    child,
    output: () => output,
    processes: async () => (await processesOf(pid)).map(([, command]) => command),
  }
}

/** The living processes of a session. */
async function processesOf(session: number): Promise<readonly (readonly [pid: number, command: string])[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0)
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [stat, command] = await Promise.all([
        readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''),
        readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
      ])
      // After the name: state, parent, group, session.
      const [state, , , ofSession] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return Number(ofSession) === session && state !== 'Z'
        ? [[pid, command.replaceAll('\0', ' ')] as const]
        : []
    }),
  )
  return found.flat()
}

/** The pid of the Postgres that runs in the directory, if one does. */
async function postgres(): Promise<number | undefined> {
  return (await readPidFile(path.join(directory, 'postgres', 'pgdata')))?.pid
}

const banner = (output: string) => output.includes('/__local/')
const isRendering = (commands: readonly string[]) =>
  commands.some((command) => command.includes('render-child'))

async function expectNothingLeft(terminal: Terminal): Promise<void> {
  await waitUntil(terminal.processes, (left) => left.length === 0, 60_000)
  expect(await postgres()).toBeUndefined()
}

it('SIGTERM to npm ends the renderers and Postgres too', async () => {
  const terminal = await type('exec npm start')
  const exited = once(terminal.child, 'exit')
  await waitUntil(terminal.output, banner, 120_000)
  await waitUntil(terminal.processes, isRendering, 120_000)
  // node has replaced the shell that npm started.
  expect((await terminal.processes()).filter((command) => command.includes('sh -c'))).toEqual([])
  expect(await postgres()).toBeGreaterThan(0)
  terminal.child.kill('SIGTERM')
  await exited
  await expectNothingLeft(terminal)
})

it.each(['SIGHUP', 'SIGINT'] as const)('%s of the terminal ends everything', async (signal) => {
  const terminal = await type('exec npm start -- api')
  await waitUntil(terminal.output, banner, 120_000)
  process.kill(-(terminal.child.pid ?? Number.NaN), signal)
  await expectNothingLeft(terminal)
})

it('the death of npm ends everything', async () => {
  const terminal = await type('exec npm start -- api')
  await waitUntil(terminal.output, banner, 120_000)
  terminal.child.kill('SIGHUP')
  await expectNothingLeft(terminal)
})

it('a closed output pipe ends everything', async () => {
  const terminal = await type('npm start | head -n 1')
  await waitUntil(
    terminal.processes,
    (commands) => commands.some((command) => command.includes('src/main.ts')),
    60_000,
  )
  await expectNothingLeft(terminal)
  expect(terminal.output()).not.toContain('    at ')
})

it('a signal during the start ends everything', async () => {
  const terminal = await type('exec npm start')
  await waitUntil(postgres, (pid) => pid !== undefined, 120_000)
  terminal.child.kill('SIGTERM')
  await expectNothingLeft(terminal)
  expect(banner(terminal.output())).toBe(false)
})

it('a failed start leaves no Postgres running', async () => {
  await writeFile(path.join(directory, 'secret-key'), 'no key\n')
  const terminal = await type('exec npm start')
  const [code] = await once(terminal.child, 'exit')
  expect(code).toBe(1)
  expect(terminal.output()).toContain('is not base64')
  await expectNothingLeft(terminal)
})
