import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { access, appendFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { waitUntil } from '../wait.ts'

/** An S3 server, and the credentials of its users. */
export interface S3Server {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** What a server needs to start its programs. They outlive the test file and are ended after the run. */
export interface Programs {
  /** A directory of the server's own. */
  readonly directory: string
  /** Starts a program that keeps running. Its output goes to a file. */
  start(program: string, args: readonly string[]): Promise<void>
  /** Runs a program to its end; throws with its output if it fails. */
  run(program: string, args: readonly string[]): Promise<string>
}

const searchPath = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/bin']

async function isInstalled(program: string): Promise<boolean> {
  for (const folder of searchPath)
    if (
      await access(path.join(folder, program)).then(
        () => true,
        () => false,
      )
    )
      return true
  return false
}

/**
 * Starts a server once per test run, for whichever file asks first; the others get the same one. Null, with a warning, if its programs
 * are not installed.
 */
export async function shareServer(
  runDirectory: string,
  {
    name,
    programs,
    start,
  }: {
    readonly name: string
    readonly programs: readonly string[]
    readonly start: (programs: Programs) => Promise<S3Server>
  },
): Promise<S3Server | null> {
  const missing: string[] = []
  for (const program of programs) if (!(await isInstalled(program))) missing.push(program)
  if (missing.length > 0) {
    console.warn(`\n  SKIPPED: ${missing.join(', ')} not installed here; storage at ${name} is not tested.\n`)
    return null
  }
  const directory = path.join(runDirectory, name)
  const ready = path.join(runDirectory, `${name}.json`)
  const isFirst = await mkdir(directory).then(
    () => true,
    () => false,
  )
  if (isFirst) {
    const result = await start(programsIn(runDirectory, directory)).catch(async (error) => ({
      error: `${error}\n${await printedIn(directory)}`,
    }))
    await writeFile(`${ready}.part`, JSON.stringify(result))
    await rename(`${ready}.part`, ready)
  }
  const text = await waitUntil(() => readFile(ready, 'utf8').catch(() => ''), Boolean, 170_000, 100)
  const result: S3Server & { readonly error?: string } = JSON.parse(text)
  if (result.error !== undefined) throw new Error(`${name} did not start: ${result.error}`)
  return result
}

/** The end of what the programs have printed. */
async function printedIn(directory: string): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.out'))
  const texts = await Promise.all(names.map((name) => readFile(path.join(directory, name), 'utf8')))
  return texts.map((text, index) => `${names[index]}: ${text.slice(-1_000)}`).join('\n')
}

function programsIn(runDirectory: string, directory: string): Programs {
  const env = { ...process.env, PATH: searchPath.join(':') }
  return {
    directory,
    async start(program, args) {
      const log = openSync(path.join(directory, `${path.basename(program)}.out`), 'a')
      const child = spawn(program, args, { cwd: directory, env, stdio: ['ignore', log, log] })
      closeSync(log)
      child.unref()
      await appendFile(path.join(runDirectory, 'pids'), `${child.pid}\n`)
    },
    async run(program, args) {
      const child = spawn(program, args, { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] })
      let output = ''
      let errors = ''
      child.stdout.setEncoding('utf8').on('data', (text) => {
        output += text
      })
      child.stderr.setEncoding('utf8').on('data', (text) => {
        errors += text
      })
      const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
      if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${errors}${output}`)
      return output
    },
  }
}

/** Ends the servers of a run. They have nothing to save. */
export async function stopSharedServers(runDirectory: string): Promise<void> {
  if (!(await readdir(runDirectory)).includes('pids')) return
  for (const pid of (await readFile(path.join(runDirectory, 'pids'), 'utf8')).split('\n').filter(Boolean))
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
}
