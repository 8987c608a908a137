import { ensureCluster, ensurePassword } from './cluster.ts'
import { ensureDatabase, urlOf } from './connection.ts'
import { attachOrStart, stopDaemon } from './daemon.ts'
import { prepareInstallation } from './installation.ts'
import { readPidFile } from './pid-file.ts'
import { savePort } from './port.ts'
import { type SuperviseOptions, supervise } from './supervise.ts'

/** The bundled Postgres of a directory. It is a daemon: it outlives the process unless it is stopped. */
export interface EmbeddedServer {
  /** `postgres://reelpilot:<password>@127.0.0.1:<port>/reelpilot`: the superuser of this server. */
  readonly url: string
  /** Whether it was already running, started by an earlier or another process. */
  readonly attached: boolean
  /** Whether this call initialised the data directory. */
  readonly firstRun: boolean
  /** Restarts it whenever it ends, until `stop`. */
  supervise(options: SuperviseOptions): void
  /** Shuts it down for all its clients and rolls open transactions back. Idempotent. Throws after 60 s. */
  stop(): Promise<void>
}

export interface EmbeddedServerOptions {
  /** Created if absent. Contains `pgdata/`, `password`, `port` and `postgres.log`. */
  readonly directory: string
  /** Default: the last one, or any free one. A running server keeps its port. */
  readonly port?: number
  /** Postgres settings by name. They override `pgdata/postgresql.conf` if this call starts the server. */
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * Starts the Postgres of a directory, or attaches to it if it runs. Any number of processes can do so at once: Postgres's own lock
 * lets one server start, and all of them attach to it.
 *
 * Throws an error that ends with the last lines of the server's log.
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const installation = await prepareInstallation(options.directory)
  const password = await ensurePassword(installation)
  const firstRun = await ensureCluster(installation)
  const { pid, port, attached } = await attachOrStart(installation, password, options)
  try {
    await ensureDatabase(port, password)
    await savePort(installation.portFile, port)
  } catch (error) {
    // Stops a server that the caller could not stop. One that ran before is not ours to stop.
    if (!attached) await stopDaemon(installation, pid).catch(() => undefined)
    throw error
  }

  let supervision: { stop(): Promise<void> } | undefined
  let stopping: Promise<void> | undefined
  const stop = async () => {
    await supervision?.stop()
    // A restarted server has another pid than the one that we started.
    await stopDaemon(installation, supervision ? ((await readPidFile(installation.data))?.pid ?? pid) : pid)
  }
  return {
    url: urlOf(port, password),
    attached,
    firstRun,
    supervise: (how) => {
      supervision ??= supervise(installation, password, { ...options, port }, how)
    },
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}
