import type { Stats } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The account that runs Postgres when we are root, which Postgres refuses to be. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
  /** What the account must be lent to reach its files, if a directory on the way is closed to it. */
  readonly capability?: Capability
}

type Capability = 'dac_read_search' | 'dac_override'

/** The least one first: it may read and pass everywhere, but write nowhere. Docker grants root the second only. */
const capabilities = [
  { name: 'dac_read_search', bit: 2n },
  { name: 'dac_override', bit: 1n },
] as const satisfies readonly { name: Capability; bit: bigint }[]

/**
 * Chooses who runs Postgres: nobody else (undefined) for a plain user; for root the owner of `data`, or before that
 * exists the account `postgres`, or else `nobody`. `paths` are existing files or directories that it must reach.
 *
 * Throws if there is no such account, or if it cannot reach a path and root here has nothing to lend.
 */
export async function chooseSystemUser(
  data: string,
  paths: readonly string[],
): Promise<SystemUser | undefined> {
  if (process.geteuid?.() !== 0) return undefined

  const account = (await ownerOf(data)) ?? (await findAccount('postgres')) ?? (await findAccount('nobody'))
  if (!account) {
    throw new Error(
      'Postgres does not run as root, and this system has neither an account `postgres` nor `nobody` to run it. ' +
        'Start as an ordinary user, or set DATABASE_URL to use a Postgres of your own.',
    )
  }

  for (const path of paths) {
    const closed = await firstClosedTo(account, path)
    if (closed) return { ...account, capability: await capabilityToLend(closed) }
  }
  return account
}

async function ownerOf(data: string): Promise<SystemUser | undefined> {
  const { uid, gid } = await stat(data).catch(() => ({ uid: 0, gid: 0 }))
  return uid === 0 ? undefined : { uid, gid }
}

async function findAccount(name: string): Promise<SystemUser | undefined> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const entry = passwd.split('\n').find((line) => line.startsWith(`${name}:`))
  const [, , uid, gid] = entry?.split(':').map(Number) ?? []
  return uid && gid && uid > 0 && gid > 0 ? { uid, gid } : undefined
}

/** The directory nearest to the root that the account may not pass: `mktemp -d` and /root make such ones. */
async function firstClosedTo(account: SystemUser, path: string): Promise<string | undefined> {
  const parent = dirname(path)
  const above = parent === path ? undefined : await firstClosedTo(account, parent)
  return above ?? (mayPass(account, await stat(path)) ? undefined : path)
}

function mayPass(account: SystemUser, { mode, uid, gid }: Stats): boolean {
  const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
  return (mode & bit) !== 0
}

async function capabilityToLend(closed: string): Promise<Capability> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  const lent = capabilities.find(({ bit }) => (effective >> bit) & 1n)
  if (lent) return lent.name
  throw new Error(
    `Postgres does not run as root, and the account that would run it may not pass ${closed}. ` +
      'Open that directory (chmod o+x), start as an ordinary user, or set DATABASE_URL to use a Postgres of your own.',
  )
}
