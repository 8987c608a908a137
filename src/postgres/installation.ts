import { mkdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Binaries, findBinaries } from './binaries.ts'
import { chooseSystemUser, type SystemUser } from './system-user.ts'

/** One bundled Postgres: its programs, the user that runs them, and the absolute paths of its files. */
export interface Installation {
  readonly binaries: Binaries
  /** Undefined: the user of this process. */
  readonly user: SystemUser | undefined
  readonly data: string
  readonly passwordFile: string
  readonly portFile: string
  /** Receives the output of all programs. */
  readonly log: string
}

/** Prepares a directory, which is created if absent. Throws if this system cannot run a Postgres in it. */
export async function prepareInstallation(path: string): Promise<Installation> {
  // Private; but if root starts Postgres as another user, that user must be able to pass.
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
