import { createShutdownSignal } from './app/shutdown-signal.ts'

// First of all, for loading the rest takes a while: what comes from now on ends the process in order, and whoever has typed
// this sees that it was heard.
const ending = createShutdownSignal({ isFromNpm: process.env.npm_lifecycle_event !== undefined })
const words = process.argv.slice(2)
const serving = ['start', 'api', 'worker']
if (serving.includes(words[0] ?? 'start')) process.stdout.write('Reelpilot is starting …\n')

const { runCommand } = await import('./cli/command-line.ts')
process.exit(await runCommand({ words, environment: process.env, ending }))
