import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { format } from './figures.ts'
import type { Peer } from './row.ts'

const timeoutMs = 300_000

/** The programs of other projects, and the servers that they need. */
export interface PeerPrograms {
  measure(peer: Peer): Promise<number>
  stop(): Promise<void>
}

/** Starts the servers of a folder of peers with its `infra.sh`. Its dependencies must be installed. */
export async function startPeers(folder: string): Promise<PeerPrograms> {
  const infra = (action: string) => outputOf('bash', [path.join(folder, 'infra.sh'), action], folder)
  await infra('start')
  return {
    async measure({ name, file, contender, figure, preparedBy }) {
      const only = preparedBy === undefined ? contender : `${preparedBy}|${contender}`
      const output = await outputOf(process.execPath, [file, `--only=${only}`, '--rounds=1'], folder)
      const results = path.join(folder, 'results', `${path.basename(file, '.mjs')}.jsonl`)
      const last = (await readFile(results, 'utf8')).trim().split('\n').at(-1) ?? '{}'
      const value: unknown = JSON.parse(last)[figure]
      if (typeof value !== 'number') throw new Error(`${name} has no figure "${figure}": ${output}`)
      console.error(`    ${name}: ${format(value)}`)
      return value
    },
    stop: async () => void (await infra('stop')),
  }
}

/** The standard output of a program. Throws with everything that it printed if it fails or takes too long. */
async function outputOf(program: string, words: readonly string[], cwd: string): Promise<string> {
  const child = spawn(program, words, {
    cwd,
    // A peer measures at once: the rounds here rotate, so that all contenders meet the same disturbances.
    env: { ...process.env, NODE_ENV: 'production', NOQUIET: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
  })
  const printed = { out: '', error: '' }
  child.stdout.setEncoding('utf8').on('data', (text) => {
    printed.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    printed.error += text
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${program} ${words.join(' ')} failed:\n${printed.out}\n${printed.error}`)
  return printed.out
}
