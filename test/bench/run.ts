import { writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { openBenchDatabase } from './bench-database.ts'
import { describeFigures, format } from './figures.ts'
import { type Measured, measureRow } from './measure.ts'
import { startPeers } from './peers.ts'
import type { Row } from './row.ts'
import { rows } from './rows.ts'

const options = {
  /** Less work in each round: under three minutes for all rows. */
  quick: { type: 'boolean', default: false },
  /** Only rows whose names contain this. */
  only: { type: 'string', default: '' },
  /** A folder of programs of other projects, which are measured in the same rounds. */
  peers: { type: 'string' },
  /** Where the figures are written as JSON. */
  out: { type: 'string', default: 'bench.json' },
} as const
const { quick, only, peers: folder, out } = parseArgs({ options }).values

/** Prints each row as medians [minimum–maximum] of five rotated rounds. Only the ratios apply to other machines. */
const load = () => loadavg().map((value) => value.toFixed(1))
const before = load()
const chosen = rows.filter(({ name }) => name.includes(only))
const peers = folder === undefined ? null : await startPeers(folder)
const measured: Measured[] = []
try {
  for (const row of chosen) {
    // Each row has a database of its own, so that none of them meets what another has left behind.
    const database = await openBenchDatabase()
    try {
      const result = await measureRow(row, database, { form: quick ? 'quick' : 'full', peers })
      measured.push(result)
      console.log(describe(row, result))
    } finally {
      await database.close()
    }
  }
} finally {
  await peers?.stop()
}
const machine = { processors: cpus().length, model: cpus()[0]?.model, node: process.version }
const loads = { before, after: load() }
console.log(
  `${machine.processors} × ${machine.model}, Node ${machine.node}; load ${loads.before.join(' ')} before, ${loads.after.join(' ')} after`,
)
await writeFile(
  out,
  `${JSON.stringify({ machine, loads, form: quick ? 'quick' : 'full', rows: measured }, null, 2)}\n`,
)
console.log(`The figures are in ${out}.`)
process.exit(measured.some(({ errors }) => Object.keys(errors).length > 0) ? 1 : 0)

function describe(
  { better }: Row,
  { name, unit, figures, errors, ratio, goal, isReached }: Measured,
): string {
  const lines = Object.entries(figures).map(([who, all]) => `  ${who.padEnd(40)}${describeFigures(all)}`)
  const failures = Object.entries(errors).map(([who, text]) => `  ${who} failed: ${text}`)
  const bound = better === 'higher' ? 'at least' : 'at most'
  return [
    `${name}, ${unit}`,
    ...lines,
    ...failures,
    `  ${'product ÷ limit'.padEnd(40)}${format(ratio)} (goal: ${bound} ${goal}${isReached ? '' : ', NOT reached'})`,
    '',
  ].join('\n')
}
