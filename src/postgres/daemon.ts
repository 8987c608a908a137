import { setTimeout as sleep } from 'node:timers/promises'
import { run } from './command.ts'
import { probe } from './connection.ts'
import type { Installation } from './installation.ts'
import { errorWithLog, rotateLog } from './log.ts'
import { isAlive, isStale, type PidFile, readPidFile, removePidFile } from './pid-file.ts'
import { choosePort, isFree } from './port.ts'

/** A running server. */
export interface Daemon {
  readonly pid: number
  readonly port: number
  /** Whether another process started it. */
  readonly attached: boolean
}

export interface StartOptions {
  readonly port?: number
  readonly settings?: Readonly<Record<string, string>>
}

/** How long a start is retried while the remains of an older server block it. */
const startTimeoutMs = 10_000
/** How long a server can take to recover from a crash or to shut down. */
const recoveryTimeoutMs = 60_000

/** Throws with the last lines of the log: at once unless the start was blocked by something that can go away. */
export async function attachOrStart(
  installation: Installation,
  password: string,
  options: StartOptions,
): Promise<Daemon> {
  const { data, log, portFile } = installation
  const since = performance.now()
  let before: PidFile | undefined

  for (let delayMs = 25; ; delayMs = Math.min(2 * delayMs, 1_000)) {
    const lock = await readPidFile(data)
    const status = lock ? await probe(lock.port, password) : 'unreachable'
    if (lock && status === 'ready') return { pid: lock.pid, port: lock.port, attached: true }

    if (lock && status === 'unreachable' && (await isStale(lock, data))) {
      // Must be seen twice: a starting server writes its lock a moment after creating it.
      if (lock.text === before?.text) await removePidFile(lock, data)
    } else if (status === 'unreachable' && !(lock && isAlive(lock.pid))) {
      // Otherwise the lock's owner is alive and about to end or to answer. As long as it holds its port, no other port is chosen,
      // because clients know that one.
      const port = options.port ?? (await choosePort(portFile))
      const pid = (await start(installation, port, options.settings ?? {})) && (await readPidFile(data))?.pid
      if (pid) return { pid, port, attached: false }

      const isBlocked = (lock ?? (await readPidFile(data))) !== undefined
      const wasPortTaken = options.port === undefined && !(await isFree(port))
      if (!isBlocked && !wasPortTaken) throw await errorWithLog('The bundled Postgres did not start.', log)
    }

    const waitedMs = performance.now() - since
    if (waitedMs > (status === 'notReady' ? recoveryTimeoutMs : startTimeoutMs)) {
      throw await errorWithLog(
        `The bundled Postgres did not start within ${Math.round(waitedMs / 1_000)} s. ` +
          `If no server runs in ${data}, remove its file postmaster.pid.`,
        log,
      )
    }
    before = lock
    await sleep(delayMs)
  }
}

/** pg_ctl starts the server in its own session: a Ctrl-C in our terminal does not reach it. */
async function start(
  installation: Installation,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<boolean> {
  await rotateLog(installation.log)
  // Loopback only, and no socket file, which would need a writable directory.
  const fixed = { port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: '' }
  // The last value of a setting applies.
  const options = asOptions([...Object.entries(settings), ...Object.entries(fixed)])
  return await run('pg_ctl', ['start', '--wait', timeout, `--options=${options}`], installation)
}

/** Shuts down this server if it still runs: not its successor, nor another program with its pid. */
export async function stopDaemon(installation: Installation, pid: number): Promise<void> {
  const isRunning = async () => {
    const lock = await readPidFile(installation.data)
    return lock?.pid === pid && isAlive(pid) && !(await isStale(lock, installation.data))
  }
  if (!(await isRunning())) return
  const stopped = await run('pg_ctl', ['stop', '--wait', '--mode=fast', timeout], installation)
  if (!stopped && (await isRunning())) {
    throw await errorWithLog('The bundled Postgres did not stop.', installation.log)
  }
}

const timeout = `--timeout=${recoveryTimeoutMs / 1_000}`

/** The server's options, quoted for the shell that pg_ctl uses. */
function asOptions(settings: readonly (readonly [name: string, value: string])[]): string {
  return settings.map(([name, value]) => `-c '${`${name}=${value}`.replaceAll("'", "'\\''")}'`).join(' ')
}
