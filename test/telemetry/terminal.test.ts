import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { createFileLogger } from '../../src/logger.ts'
import { createTerminal } from '../../src/telemetry/terminal.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

/** A screen that interprets the control sequences of `createTerminal`. */
function createScreen(columns: number, rows = 24) {
  let lines = ['']
  let row = 0
  const write = (text: string) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the control sequences of terminals
    for (const [part, , up] of text.matchAll(/(\x1b\[(\d+)A)|\x1b\[0J|\r|\n|[^\x1b\r\n]+/g)) {
      if (up !== undefined) row -= Number(up)
      else if (part === '\x1b[0J') lines = [...lines.slice(0, row), '']
      else if (part === '\n') {
        row += 1
        lines[row] ??= ''
      } else if (part !== '\r') lines[row] = `${lines[row] ?? ''}${part}`
    }
  }
  return { write, isTTY: true, columns, rows, displayed: () => lines.filter((line) => line !== '') }
}

it('redraws one progress line for each key below the lines that stay', () => {
  const screen = createScreen(20)
  const terminal = createTerminal({ out: screen, err: screen })
  terminal.print('hello')
  terminal.progress('a', 'a queued')
  terminal.progress('b', 'b queued')
  terminal.progress('a', 'a rendering')
  terminal.warn('a warning\n')
  expect(screen.displayed()).toEqual(['hello', 'a warning', 'a rendering', 'b queued'])
  terminal.settle('a', 'a published')
  terminal.print('its file')
  expect(screen.displayed()).toEqual(['hello', 'a warning', 'a published', 'its file', 'b queued'])
})

it('cuts progress lines to the columns and rows of the screen', () => {
  const screen = createScreen(10, 3)
  const terminal = createTerminal({ out: screen, err: screen })
  terminal.progress('a', '漢字漢字漢字')
  expect(screen.displayed()).toEqual(['漢字漢字'])
  terminal.progress('b', '█████░░░░░ 5/10')
  terminal.progress('c', 'c')
  expect(screen.displayed()).toEqual(['█████░░░░', 'c'])
})

it('writes every line without control characters if the output is not a terminal', () => {
  const written: string[] = []
  const out = { write: (text: string) => void written.push(text) }
  const terminal = createTerminal({ out, err: out })
  terminal.progress('a', 'a queued')
  terminal.progress('a', 'a rendering')
  terminal.settle('a', 'a published')
  expect(written.join('')).toBe('a queued\na rendering\na published\n')
})

it('logs to a file and prints only warnings and errors', async () => {
  const file = path.join(await temporaryDirectory(), 'reelpilot.log')
  const printed: string[] = []
  const log = createFileLogger('info', file, (text) => printed.push(text))
  log.debug('not asked for')
  log.info('a scan')
  log.warn('a connection')
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['a scan', 'a connection'])
  expect(printed).toEqual([expect.stringContaining('a connection')])
  // A log that cannot be written does not throw.
  createFileLogger('info', path.join(file, 'below'), () => undefined).info('lost')
})
