import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './free-port.ts'
import { waitUntil } from './wait.ts'

export interface RedisProcess {
  readonly url: string
  /** Sends SIGKILL. Nothing is saved. */
  kill(): Promise<void>
  /** Starts it again at the same address. */
  start(): Promise<void>
  close(): Promise<void>
}

const programs = ['redis-server', 'valkey-server']

/** Starts a real server; null, with a warning, if none is installed. */
export async function startRedis(): Promise<RedisProcess | null> {
  const port = await freePort()
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-redis-'))
  let child: ChildProcess | null = null

  const start = async (): Promise<boolean> => {
    for (const program of programs) {
      const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory]
      const next = spawn(program, settings, { stdio: 'ignore' })
      if (!(await once(next, 'spawn').catch(() => null))) continue
      await waitUntil(() => answers(port), Boolean)
      child = next
      return true
    }
    return false
  }
  const kill = async () => {
    if (!child) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    child = null
  }
  const close = async () => {
    await kill()
    await rm(directory, { recursive: true, force: true })
  }

  if (!(await start())) {
    await close()
    console.warn('\n  SKIPPED: no redis-server is installed here; limits in Redis are not tested.\n')
    return null
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    async start() {
      await start()
    },
    close,
  }
}

function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  }).then((answered) => {
    socket.destroy()
    return answered === true
  })
}
