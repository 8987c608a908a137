import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Runs the fault tests again and again, for as many minutes as are asked for (30 unless told); ends at the first failure. */
const minutes = Number(process.argv[2] ?? 30)
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const end = Date.now() + minutes * 60_000
let rounds = 0
while (Date.now() < end) {
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', '--config', 'test/vitest.config.ts', 'test/faults'],
    {
      stdio: 'inherit',
      env: { ...process.env, REELPILOT_SOAK: 'yes' },
    },
  )
  if (status !== 0) process.exit(1)
  rounds += 1
}
console.log(`${rounds} rounds without a failure`)
