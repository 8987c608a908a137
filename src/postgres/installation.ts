import { mkdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Binaries, findBinaries } from './binaries.ts'
import { chooseSystemUser, type SystemUser } from './system-user.ts'

/** One private Postgres: its programs, who runs them, and where its files are (absolute paths). */
export interface Installation {
  readonly binaries: Binaries
  /** Undefined if it runs as we do. */
  readonly user: SystemUser | undefined
  readonly data: string
  readonly passwordFile: string
  readonly portFile: string
  /** Receives what every program prints, and the server while it runs. */
  readonly log: string
}

/** Lays out a directory, which is made if absent. Throws if this system cannot run an embedded Postgres in it. */
export async function prepareInstallation(path: string): Promise<Installation> {
  // Ours alone; but where root lends its files to another account, that one has to pass.
  await mkdir(path, { recursive: true, mode: process.geteuid?.() === 0 ? 0o711 : 0o700 })
  const directory = await realpath(path)
  const data = join(directory, 'pgdata')
  const binaries = await findBinaries()
  return {
    binaries,
    user: await chooseSystemUser(data, [dirname(binaries.postgres), directory]),
    data,
    passwordFile: join(directory, 'password'),
    portFile: join(directory, 'port'),
    log: join(directory, 'postgres.log'),
  }
}
