/** Prints lines that stay and, on a terminal, progress lines that are redrawn below them. */
export interface Terminal {
  /** Whether progress lines are redrawn. */
  readonly isLive: boolean
  /** Prints a line that stays. */
  print(line: string): void
  /** Prints a progress line, which replaces the previous one of this key. */
  progress(key: string, line: string): void
  /** Prints the last progress line of this key, which stays. */
  settle(key: string, line: string): void
  /** Writes text to the standard error, above the progress lines. */
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
 * On a terminal the progress lines stay together at the bottom, one for each key. In a file or a pipe every line is simply
 * written, so callers report less progress there (`isLive`).
 */
export function createTerminal({ out, err }: TerminalStreams): Terminal {
  const progressLines = new Map<string, string>()
  /** The number of lines on the screen to redraw. */
  let drawn = 0

  const redraw = (above: () => void) => {
    if (drawn > 0) out.write(`${up(drawn)}${clearBelow}`)
    above()
    // A line above the screen could not be redrawn.
    const lines = [...progressLines.values()].slice(-((out.rows ?? 24) - 1))
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
    progress: (key, line) => redraw(() => progressLines.set(key, line)),
    settle: (key, line) =>
      redraw(() => {
        progressLines.delete(key)
        out.write(`${line}\n`)
      }),
    warn: (text) => redraw(() => err.write(text)),
  }
}

/** Cuts a line to one row: a line that wraps could not be redrawn. */
function cut(line: string, columns: number): string {
  let width = 0
  let text = ''
  for (const character of line) {
    // East Asian characters and emoji take two columns.
    width += (character.codePointAt(0) ?? 0) >= 0x1100 && !/[\u2500-\u259f\u2026]/.test(character) ? 2 : 1
    if (width > columns) break
    text += character
  }
  return text
}
