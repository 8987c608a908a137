import { expect, it } from 'vitest'
import { UsageError } from '../../src/cli/command.ts'
import { parseCommandLine } from '../../src/cli/command-line.ts'
import { startAppProcess } from '../support/app-process.ts'

const names = [
  'start',
  'api',
  'worker',
  'doctor',
  'migrate',
  'organization NAME',
  'key [ORGANIZATION]',
  'keys rotate',
  'queues',
  'redrive JOB|all',
  'breaker [open|closed KEY REASON | release KEY]',
]

/** Runs the command line in its own process. It reaches no database: nothing listens at the address. */
async function run(...words: readonly [string, ...string[]]) {
  const [first, ...rest] = words
  const app = startAppProcess(first, { DATABASE_URL: 'postgres://127.0.0.1:1/unused' }, ...rest)
  const { code } = await app.exited
  return { code, output: app.output() }
}

function helpOf(words: readonly string[]): string {
  const parsed = parseCommandLine(words)
  if (parsed.kind !== 'help') throw new Error(`${words.join(' ')} is not a request for help`)
  return parsed.text
}

const listed = (output: string) =>
  names.filter((name) => output.split('\n').some((line) => line.startsWith(`  ${name}`)))

it('--help lists every command and exits with 0', async () => {
  const { code, output } = await run('--help')
  expect(code).toBe(0)
  expect(output).toMatch(/^Usage: npm start \[-- COMMAND\]\n/)
  expect(listed(output)).toEqual(names)
  expect([helpOf(['-h']), helpOf(['help'])].map((text) => `${text}\n`)).toEqual([output, output])
})

it('COMMAND --help describes one command and exits with 0', async () => {
  const { code, output } = await run('redrive', '--help')
  expect(code).toBe(0)
  expect(output).toBe(`${helpOf(['redrive', '-h'])}\n`)
})

it.each(names)('%s has its own help', (name) => {
  const [command = ''] = name.split(' ')
  const output = helpOf([command, '--help'])
  expect(output.split('\n')[0]).toBe(`Usage: npm start -- ${name}`)
  expect(output).toMatch(new RegExp(`^${command}: .+\\.$`, 'm'))
})

it.each([
  [['fly'], 'There is no command "fly".'],
  [['migrate', '--loud'], "Unknown option '--loud'"],
  [['organization'], 'Missing argument NAME: `npm start -- organization NAME`.'],
  [['keys', 'drop'], 'The keys can be rotated only, not "drop".'],
] as const)('%j exits with 2 and lists every command', async ([first, ...rest], message) => {
  const { code, output } = await run(first, ...rest)
  expect(code).toBe(2)
  expect(output).toContain(message)
  expect(listed(output)).toEqual(names)
  expect(output).not.toContain('    at ')
})

it.each([
  [['--loud'], "Unknown option '--loud'"],
  [['organization', 'My', 'agency'], 'Unexpected argument "agency": `npm start -- organization NAME`.'],
  [['keys'], 'Missing argument rotate: `npm start -- keys rotate`.'],
  [['redrive'], 'Missing argument JOB|all: `npm start -- redrive JOB|all`.'],
  [['api', 'now'], 'Unexpected argument "now": `npm start -- api`.'],
] as const)('%j is a usage error', (words, message) => {
  expect(() => parseCommandLine(words)).toThrow(UsageError)
  expect(() => parseCommandLine(words)).toThrow(message)
})

it('a command line without words starts everything', () => {
  expect(parseCommandLine([])).toMatchObject({ kind: 'command', command: { name: 'start' }, words: [] })
})
