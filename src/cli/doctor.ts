import { openDataDirectory } from '../app/data-directory.ts'
import { openDatabase } from '../app/database.ts'
import { createHostChecks, refuseWithoutFfmpeg } from '../app/host-checks.ts'
import { openRequiredKeys } from '../app/keys.ts'
import { refuseWrongBucket } from '../app/open-storage.ts'
import type { Config } from '../config.ts'
import { StartupError } from '../startup-error.ts'
import { hasSealedRows } from '../store/account/tokens.ts'
import { type Connection, connect } from '../store/database.ts'
import { isMigrated } from '../store/migrate.ts'
import { verdictFor } from '../verdict/failure-verdict.ts'
import { type CommandCall, print } from './command.ts'

export async function runDoctor({ config, shutdown }: CommandCall): Promise<number> {
  const results = await examine(config, shutdown)
  return print(describeResults(results), results.some(({ problem }) => problem !== null) ? 1 : 0)
}

/** `problem` says what is wrong and what to do; null if nothing is wrong. */
interface CheckResult {
  readonly name: string
  readonly problem: string | null
}

/**
 * Checks everything that a start and `/readyz` check, and changes nothing: the database is not migrated and no key is created. A
 * failed check does not prevent the others.
 */
async function examine(config: Config, shutdown: AbortSignal): Promise<readonly CheckResult[]> {
  const disk = await check('disk', () => examineDisk(config))
  const storage = config.bucket ? [await check('storage', () => examineBucket(config))] : []
  const ffmpeg = await check('ffmpeg', () => refuseWithoutFfmpeg(config))
  const results = { keys: unknownKeys }
  const database = await check('database', async () => {
    const server = await openDatabase(config, { print: () => undefined, shutdown })
    try {
      await onConnection(server.url, 'owner', refuseOtherBuild)
      results.keys = await check('keys', () =>
        onConnection(server.url, 'reelpilot_runtime', async (runtime) => {
          // While nothing is sealed, the first start creates the first key.
          if (await hasSealedRows(runtime.db)) await openRequiredKeys(config, runtime)
        }),
      )
    } finally {
      await server.stop()
    }
  })
  return [database, disk, ...storage, results.keys, ffmpeg]
}

/** One line for each check. */
function describeResults(results: readonly CheckResult[]): string {
  return results
    .map(({ name, problem }) =>
      `${problem === null ? 'ok   ' : 'WRONG'}  ${name.padEnd(8)}  ${problem ?? ''}`.trimEnd(),
    )
    .join('\n')
}

const unknownKeys: CheckResult = {
  name: 'keys',
  problem: 'The needed keys are unknown without the database: fix the database first.',
}

async function check(name: string, run: () => Promise<unknown>): Promise<CheckResult> {
  try {
    await run()
    return { name, problem: null }
  } catch (error) {
    // Any other error is a bug: it is printed with its stack.
    if (!(error instanceof StartupError)) throw error
    return { name, problem: error.message }
  }
}

async function examineDisk({ dataDirectory }: Config): Promise<void> {
  await openDataDirectory(dataDirectory)
  const { disk } = await createHostChecks(dataDirectory)()
  if (disk === null) return
  const { meaning, nextStep } = verdictFor('reelpilot', disk).verdict
  throw new StartupError(`${meaning} ${nextStep}`)
}

async function examineBucket(config: Config): Promise<void> {
  await openDataDirectory(config.dataDirectory)
  await refuseWrongBucket(config, (error) => {
    throw error
  })
}

async function refuseOtherBuild(owner: Connection): Promise<void> {
  if (!(await isMigrated(owner)))
    throw new StartupError(
      'The database is not migrated to this build: run `npm start -- migrate`, or start.',
    )
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
