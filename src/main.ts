import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { createShutdownSignal } from './app/shutdown-signal.ts'

// Signals are handled before the rest is loaded, which takes a while: from now on they end the process in order.
const shutdown = createShutdownSignal({ isFromNpm: process.env.npm_lifecycle_event !== undefined })
// Later starts take half the time. Where the folder cannot be written, nothing is cached.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/node', import.meta.url)))
const words = process.argv.slice(2)
const isHelp = words.includes('--help') || words.includes('-h')
if (['start', 'api', 'worker'].includes(words[0] ?? 'start') && !isHelp)
  process.stdout.write('Reelpilot is starting …\n')

const { runCommandLine } = await import('./cli/command-line.ts')
process.exit(await runCommandLine({ words, environment: process.env, shutdown }))
