import { setTimeout as pause } from 'node:timers/promises'
import { run } from './command.ts'
import { ask } from './connection.ts'
import type { Installation } from './installation.ts'
import { failure, rotateLog } from './log.ts'
import { isAlive, isLeftOver, type PidFile, readPidFile, removePidFile } from './pid-file.ts'
import { choosePort, isFree } from './port.ts'

/** A server that answers. */
export interface Daemon {
  readonly pid: number
  readonly port: number
  /** Whether somebody else started it. */
  readonly attached: boolean
}

/** How it is started, if it has to be. */
export interface StartOptions {
  readonly port?: number
  readonly settings?: Readonly<Record<string, string>>
}

/** How long a start is tried again while the remains of an older server are in its way. */
const patienceMs = 10_000
/** How long a server may take that recovers from a crash or shuts down. */
const longPatienceMs = 60_000

/** Throws with the log's last lines: at once if nothing that may pass stood in the way of the start. */
export async function attachOrStart(
  installation: Installation,
  password: string,
  options: StartOptions,
): Promise<Daemon> {
  const { data, log, portFile } = installation
  const since = performance.now()
  let before: PidFile | undefined

  for (let pauseMs = 25; ; pauseMs = Math.min(2 * pauseMs, 1_000)) {
    const lock = await readPidFile(data)
    const answer = lock ? await ask(lock.port, password) : 'silent'
    if (lock && answer === 'answers') return { pid: lock.pid, port: lock.port, attached: true }

    if (lock && answer === 'silent' && (await isLeftOver(lock, data))) {
      // Looked at twice, because a server that starts writes its lock a moment after it has made it.
      if (lock.text === before?.text) await removePidFile(lock, data)
    } else if (answer === 'silent' && !(lock && isAlive(lock.pid))) {
      // A lock's owner that is silent but alive is about to be gone, or about to answer. As long as it holds its port, none
      // other is chosen: clients know that one.
      const port = options.port ?? (await choosePort(portFile))
      const pid = (await start(installation, port, options.settings ?? {})) && (await readPidFile(data))?.pid
      if (pid) return { pid, port, attached: false }

      const isInTheWay = (lock ?? (await readPidFile(data))) !== undefined
      const wasOutrun = options.port === undefined && !(await isFree(port))
      if (!isInTheWay && !wasOutrun) throw await failure('The embedded Postgres did not start.', log)
    }

    const waitedMs = performance.now() - since
    if (waitedMs > (answer === 'notYet' ? longPatienceMs : patienceMs)) {
      throw await failure(
        `The embedded Postgres did not start within ${Math.round(waitedMs / 1_000)} s. ` +
          `If none is running in ${data}, remove its file postmaster.pid.`,
        log,
      )
    }
    before = lock
    await pause(pauseMs)
  }
}

/** pg_ctl makes the server leader of a session of its own: a Ctrl-C in our terminal does not reach it. */
async function start(
  installation: Installation,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<boolean> {
  await rotateLog(installation.log)
  // No other address than loopback, and no socket file, for which the server needs a directory that it may write to.
  const fixed = { port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: '' }
  // Of two values for one setting the later counts.
  const options = asOptions([...Object.entries(settings), ...Object.entries(fixed)])
  return await run('pg_ctl', ['start', '--wait', timeout, `--options=${options}`], installation)
}

/** Shuts down this very server, if it still runs: not one that took its place, nor a stranger with its pid. */
export async function stopDaemon(installation: Installation, pid: number): Promise<void> {
  const isRunning = async () => {
    const lock = await readPidFile(installation.data)
    return lock?.pid === pid && isAlive(pid) && !(await isLeftOver(lock, installation.data))
  }
  if (!(await isRunning())) return
  const stopped = await run('pg_ctl', ['stop', '--wait', '--mode=fast', timeout], installation)
  if (!stopped && (await isRunning())) {
    throw await failure('The embedded Postgres did not stop.', installation.log)
  }
}

const timeout = `--timeout=${longPatienceMs / 1_000}`

/** Server options, quoted for the shell by which pg_ctl starts the server. */
function asOptions(settings: readonly (readonly [name: string, value: string])[]): string {
  return settings.map(([name, value]) => `-c '${`${name}=${value}`.replaceAll("'", "'\\''")}'`).join(' ')
}
