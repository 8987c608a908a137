import { readFileSync } from 'node:fs'

/**
 * Prints one line with the counts of vitest's JSON reports, and exits with 1 if a test failed, none passed, or one was skipped that
 * must not be. `node .ci/summary.ts STATUS REPORT…`, where STATUS is the exit code of the runs.
 */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

const [status, ...files] = process.argv.slice(2)
const reports = files.flatMap((file): readonly Report[] => {
  try {
    return [JSON.parse(readFileSync(file, 'utf8'))]
  } catch {
    console.error(`${file} was not written: that run did not end`)
    return []
  }
})
const sum = (count: (report: Report) => number) => reports.reduce((total, report) => total + count(report), 0)
const passed = sum((report) => report.numPassedTests)
const failed = sum((report) => report.numFailedTests)
const skipped = sum((report) => report.numPendingTests + report.numTodoTests)
const skipping = reports
  .flatMap((report) => report.testResults)
  .filter(({ assertionResults }) =>
    assertionResults.some((test) => test.status !== 'passed' && test.status !== 'failed'),
  )
// Only tests that run as another user may skip: they need a checkout that other users can enter.
const wrong = skipping.filter(({ name }) => !name.includes('test/postgres/'))
if (skipped > 0 && wrong.length === 0)
  console.error(
    'SKIPPED: other users cannot enter this checkout, so tests that run as another user did not run',
  )
for (const { name } of wrong) console.error(`SKIPPED, and must not be: ${name}`)

console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`)
const isGood =
  status === '0' && reports.length === files.length && failed === 0 && passed > 0 && wrong.length === 0
process.exit(isGood ? 0 : 1)
