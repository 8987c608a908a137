import { runLongForms } from './run.ts'

/** Runs all fault tests in their long form repeatedly, for the given minutes (default: 30) or until one fails. */
const minutes = Number(process.argv[2] ?? 30)
const end = Date.now() + minutes * 60_000
let rounds = 0
while (Date.now() < end) {
  const code = runLongForms('test/faults')
  if (code !== 0) process.exit(code)
  rounds += 1
}
console.log(`${rounds} rounds without a failure`)
