import { openDataDirectory } from '../app/data-directory.ts'
import { openDatabase } from '../app/database.ts'
import { createHostChecks, refuseWithoutFfmpeg } from '../app/host-checks.ts'
import { openRequiredKeys } from '../app/keys.ts'
import type { Config } from '../config.ts'
import { StartupError } from '../startup-error.ts'
import { hasSealedRows } from '../store/account/tokens.ts'
import { type Connection, connect } from '../store/database.ts'
import { isMigrated } from '../store/migrate.ts'
import { verdictFor } from '../verdict/failure-verdict.ts'

/** What was found of one thing; `problem` says what is wrong and what to do, and is null where nothing is. */
interface Finding {
  readonly check: string
  readonly problem: string | null
}

/**
 * Looks at all that a start and `/readyz` look at, and changes nothing of it: the database is not migrated, and no key made. A
 * thing that is wrong keeps none of the others from being looked at.
 */
export async function examine(config: Config, ending: AbortSignal): Promise<readonly Finding[]> {
  const disk = await finding('disk', () => examineDisk(config))
  const ffmpeg = await finding('ffmpeg', () => refuseWithoutFfmpeg(config))
  const opened = { keys: unknownYet }
  const database = await finding('database', async () => {
    const server = await openDatabase(config, { print: () => undefined, ending })
    try {
      await onConnection(server.url, 'owner', refuseOtherBuild)
      opened.keys = await finding('keys', () =>
        onConnection(server.url, 'reelpilot_runtime', async (runtime) => {
          // Without anything sealed, a first key is made by the first start.
          if (await hasSealedRows(runtime.db)) await openRequiredKeys(config, runtime)
        }),
      )
    } finally {
      await server.stop()
    }
  })
  return [database, disk, opened.keys, ffmpeg]
}

/** One line for each finding. */
export function describeFindings(findings: readonly Finding[]): string {
  return findings
    .map(({ check, problem }) =>
      `${problem === null ? 'ok   ' : 'WRONG'}  ${check.padEnd(8)}  ${problem ?? ''}`.trimEnd(),
    )
    .join('\n')
}

const unknownYet: Finding = {
  check: 'keys',
  problem: 'Which keys are needed is not known without the database: mend that first.',
}

async function finding(check: string, look: () => Promise<unknown>): Promise<Finding> {
  try {
    await look()
    return { check, problem: null }
  } catch (error) {
    // What is no known cause is a mistake of ours, and has a stack.
    if (!(error instanceof StartupError)) throw error
    return { check, problem: error.message }
  }
}

async function examineDisk({ dataDirectory }: Config): Promise<void> {
  await openDataDirectory(dataDirectory)
  const { disk } = await createHostChecks(dataDirectory)()
  if (disk === null) return
  const { meaning, nextStep } = verdictFor('reelpilot', disk).verdict
  throw new StartupError(`${meaning} ${nextStep}`)
}

async function refuseOtherBuild(owner: Connection): Promise<void> {
  if (!(await isMigrated(owner)))
    throw new StartupError('The database is not of this build: run `npm start -- migrate`, or start.')
}

async function onConnection(
  url: string,
  role: Parameters<typeof connect>[1],
  work: (connection: Connection) => Promise<void>,
): Promise<void> {
  const connection = connect(url, role, { max: 1, name: 'reelpilot doctor', onError: () => undefined })
  try {
    await work(connection)
  } finally {
    await connection.close()
  }
}
