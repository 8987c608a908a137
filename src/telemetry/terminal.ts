/** What is printed for a person: lines that stay and, where somebody watches, lines that are redrawn below them. */
export interface Terminal {
  /** Whether lines are redrawn. */
  readonly isLive: boolean
  /** A line that stays. */
  print(line: string): void
  /** The line of something that goes on; it takes the place of the one before under this key. */
  progress(key: string, line: string): void
  /** The last line of what went on: it stays. */
  settle(key: string, line: string): void
  /** Text for the standard error, above what is redrawn. */
  warn(text: string): void
}

export interface TerminalStreams {
  readonly out: Sink & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }
  readonly err: Sink
}

interface Sink {
  write(text: string): unknown
}

const clearBelow = '\x1b[0J'
const up = (lines: number) => (lines > 0 ? `\x1b[${lines}A\r` : '\r')

/**
 * On a terminal the lines of what goes on are kept together at the bottom, one for each. Elsewhere, in a file or a pipe, every
 * line is simply written: whoever calls tells less of progress there.
 */
export function createTerminal({ out, err }: TerminalStreams): Terminal {
  const going = new Map<string, string>()
  /** How many lines of the screen are to be redrawn. */
  let drawn = 0

  const redraw = (above: () => void) => {
    if (drawn > 0) out.write(`${up(drawn)}${clearBelow}`)
    above()
    // What does not fit on the screen could not be taken back.
    const lines = [...going.values()].slice(-((out.rows ?? 24) - 1))
    drawn = lines.length
    for (const line of lines) out.write(`${cut(line, (out.columns ?? 80) - 1)}\n`)
  }
  if (!out.isTTY) {
    const print = (line: string) => void out.write(`${line}\n`)
    const keyed = (_key: string, line: string) => print(line)
    return { isLive: false, print, progress: keyed, settle: keyed, warn: (text) => void err.write(text) }
  }
  return {
    isLive: true,
    print: (line) => redraw(() => out.write(`${line}\n`)),
    progress: (key, line) => redraw(() => going.set(key, line)),
    settle: (key, line) =>
      redraw(() => {
        going.delete(key)
        out.write(`${line}\n`)
      }),
    warn: (text) => redraw(() => err.write(text)),
  }
}

/** As much of a line as a terminal shows in one row: a line that wraps could not be taken back. */
function cut(line: string, columns: number): string {
  let width = 0
  let text = ''
  for (const character of line) {
    // Letters of East Asia and emoji take two cells.
    width += (character.codePointAt(0) ?? 0) >= 0x1100 && !/[\u2500-\u259f\u2026]/.test(character) ? 2 : 1
    if (width > columns) break
    text += character
  }
  return text
}
