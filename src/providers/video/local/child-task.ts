import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { homedir } from 'node:os'

const lastWordsKept = 2000
const graceMs = 3000

export type ChildOutcome =
  | { readonly kind: 'answered'; readonly answer: unknown }
  /** The process ended without an answer. `message` has its last words. */
  | { readonly kind: 'crashed'; readonly message: string }

/**
 * Runs one task in a process of its own: what may run out of memory, hang or crash does so without taking its caller
 * along, and can be killed.
 *
 * The module calls `answerOneTask`. An abort asks the child to tidy up and kills it after 3 s; it then counts as crashed.
 */
export async function runInChild(
  module: URL,
  task: unknown,
  { memoryLimitMb, signal }: { readonly memoryLimitMb: number; readonly signal: AbortSignal },
): Promise<ChildOutcome> {
  if (signal.aborted) return { kind: 'crashed', message: 'canceled before it began' }
  const child = fork(module, {
    execArgv: [`--max-old-space-size=${memoryLimitMb}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Nothing of our environment is a renderer's business. Kept memory spares the painter the cost of fresh pages.
    env: { HOME: homedir(), MIMALLOC_PURGE_DELAY: '-1' },
  })

  let answer: { readonly value: unknown } | undefined
  child.on('message', (value) => {
    answer = { value }
  })
  let lastWords = ''
  child.stderr?.on('data', (text) => {
    lastWords = (lastWords + text).slice(-lastWordsKept)
  })

  const stop = () => stopChild(child)
  signal.addEventListener('abort', stop, { once: true })
  child.send({ task }, () => {}) // a child that is gone already is told by its end
  const end = await endOf(child)
  signal.removeEventListener('abort', stop)

  if (answer !== undefined) return { kind: 'answered', answer: answer.value }
  return { kind: 'crashed', message: `${end}: ${lastWords.trim()}` }
}

/** Waits for the process's end and its last words. Not for 'close': a channel closed from our side keeps that away. */
async function endOf(child: ChildProcess): Promise<string> {
  const silence = child.stderr === null ? undefined : once(child.stderr, 'close')
  try {
    const [code, killedBy] = await once(child, 'exit')
    await silence
    return `the process ended with ${code ?? killedBy}`
  } catch (error) {
    return `the process could not be started: ${error}`
  }
}

/** A child takes a closed channel as the wish that it end; one that does not hear it is killed. */
function stopChild(child: ChildProcess): void {
  if (child.connected) child.disconnect()
  const kill = setTimeout(() => child.kill('SIGKILL'), graceMs)
  child.once('exit', () => clearTimeout(kill))
}

/**
 * The other side: performs the one task that this process was started for, answers it and lets the process end.
 *
 * The signal aborts when the parent is gone or wants no answer; the work then has to stop, because nothing else will stop
 * it. An error ends the process with its message as the last words.
 */
export function answerOneTask(perform: (task: unknown, signal: AbortSignal) => Promise<unknown>): void {
  const abandoned = new AbortController()
  process.once('disconnect', () => abandoned.abort())
  process.once('message', async (message: { task: unknown }) => {
    try {
      const answer = await perform(message.task, abandoned.signal)
      if (process.connected) process.send?.(answer, () => process.connected && process.disconnect())
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : error}\n`)
      process.exitCode = 1
      if (process.connected) process.disconnect()
    }
  })
}
