import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))

/** Runs fault tests in their long form. Returns vitest's exit code. */
export function runLongForms(...vitestArguments: readonly string[]): number {
  // Each file starts several processes at once: more files only delay each other.
  const { status } = spawnSync(process.execPath, [vitest, 'run', '--maxWorkers=2', ...vitestArguments], {
    stdio: 'inherit',
    env: { ...process.env, REELPILOT_FAULTS: 'long' },
  })
  return status ?? 1
}

// The other fault tests have one form only, and `npm test` has run it.
if (import.meta.main)
  process.exit(runLongForms('test/faults/scaled', 'test/faults/long', ...process.argv.slice(2)))
