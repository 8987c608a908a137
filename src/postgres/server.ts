import { ensureCluster, ensurePassword } from './cluster.ts'
import { ensureDatabase, urlOf } from './connection.ts'
import { attachOrStart, stopDaemon } from './daemon.ts'
import { prepareInstallation } from './installation.ts'
import { readPidFile } from './pid-file.ts'
import { rememberPort } from './port.ts'
import { type KeepRunningOptions, keepRunning } from './supervise.ts'

/** A private Postgres in a directory of its own. It is a daemon, and outlives the process unless it is stopped. */
export interface EmbeddedServer {
  /** `postgres://reelpilot:<password>@127.0.0.1:<port>/reelpilot`: the superuser of this server. */
  readonly url: string
  /** Whether it ran already: because it outlived the process that started it, or because another one uses it. */
  readonly attached: boolean
  /** Whether this call initialised the data directory. */
  readonly firstRun: boolean
  /** From now on until `stop` it is started again whenever it has ended. */
  keepRunning(options: KeepRunningOptions): void
  /** Shuts it down for everybody, rolling open transactions back. May be called again. Throws if it takes over 60 s. */
  stop(): Promise<void>
}

export interface EmbeddedServerOptions {
  /** Made if absent. Holds `pgdata/`, `password`, `port` and `postgres.log`. */
  readonly directory: string
  /** By default the one used last, or any free one. A server that runs already keeps the port that it has. */
  readonly port?: number
  /** Postgres settings by name, which win over `pgdata/postgresql.conf` in the server that this call starts. */
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * Starts the Postgres of a directory, or attaches to it if it runs. Any number of processes may do so at once: the lock
 * that Postgres itself takes lets one server live, and all of them end up with that one.
 *
 * Throws an error that ends with the last lines of the server's log if it does not start.
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const installation = await prepareInstallation(options.directory)
  const password = await ensurePassword(installation)
  const firstRun = await ensureCluster(installation)
  const { pid, port, attached } = await attachOrStart(installation, password, options)
  try {
    await ensureDatabase(port, password)
    await rememberPort(installation.portFile, port)
  } catch (error) {
    // Nobody would know that it runs. One that ran before us is somebody else's.
    if (!attached) await stopDaemon(installation, pid).catch(() => undefined)
    throw error
  }

  let keeping: { stop(): Promise<void> } | undefined
  let stopping: Promise<void> | undefined
  const stop = async () => {
    await keeping?.stop()
    // Not the one that we have started, if it was started again.
    await stopDaemon(installation, keeping ? ((await readPidFile(installation.data))?.pid ?? pid) : pid)
  }
  return {
    url: urlOf(port, password),
    attached,
    firstRun,
    keepRunning: (how) => {
      keeping ??= keepRunning(installation, password, { ...options, port }, how)
    },
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}
