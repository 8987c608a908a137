import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { getCompileCacheDir } from 'node:module'
import { homedir } from 'node:os'
import path from 'node:path'
import { HostFault, type HostFaultCode, hostFaultOf } from '../../host-fault.ts'

const maxStderrChars = 2000
const killAfterMs = 3000

export type ChildOutcome =
  | { readonly kind: 'answered'; readonly answer: unknown }
  /** The process ended without an answer. `message` has the end of its standard error. */
  | { readonly kind: 'crashed'; readonly message: string }
  /** This machine prevented the work, or the start of the process. */
  | { readonly kind: 'fault'; readonly fault: HostFault }

/** The only message that the child sends. */
type ChildMessage =
  | { readonly kind: 'answer'; readonly answer: unknown }
  | { readonly kind: 'fault'; readonly fault: HostFaultCode; readonly message: string }

/**
 * Runs one task in a child process: it can run out of memory, hang or crash without affecting its caller, and can be killed.
 *
 * The module calls `serveOneTask`. An abort asks the child to clean up and kills it after 3 s; it then counts as crashed.
 */
export async function runInChild(
  module: URL,
  task: unknown,
  { memoryLimitMb, signal }: { readonly memoryLimitMb: number; readonly signal: AbortSignal },
): Promise<ChildOutcome> {
  if (signal.aborted) return { kind: 'crashed', message: 'canceled before it started' }
  let child: ChildProcess
  try {
    child = fork(module, {
      execArgv: [`--max-old-space-size=${memoryLimitMb}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // A renderer needs nothing of the environment. Keeping freed memory saves the painter the cost of new pages.
      env: { HOME: homedir(), MIMALLOC_PURGE_DELAY: '-1', ...compileCache() },
    })
  } catch (cause) {
    return notStarted(cause)
  }

  let received: ChildMessage | undefined
  child.on('message', (message: ChildMessage) => {
    received = message // sent by the child process, of the same version
  })
  let stderrTail = ''
  child.stderr?.on('data', (text) => {
    stderrTail = (stderrTail + text).slice(-maxStderrChars)
  })

  const stop = () => stopChild(child)
  signal.addEventListener('abort', stop, { once: true })
  child.send({ task }, () => {}) // if the child has ended already, its end is reported below
  const end = await waitForEnd(child)
  signal.removeEventListener('abort', stop)

  if (received?.kind === 'answer') return { kind: 'answered', answer: received.answer }
  if (received?.kind === 'fault')
    return { kind: 'fault', fault: new HostFault(received.fault, received.message) }
  if (end.kind === 'unstarted') return notStarted(end.cause)
  const message = `the process ended with ${end.how}: ${stderrTail.trim()}`
  // This process did not kill it, so the system did, for lack of memory.
  if (end.how === 'SIGKILL' && !signal.aborted)
    return { kind: 'fault', fault: new HostFault('HOST_EXHAUSTED', message) }
  return { kind: 'crashed', message }
}

/** Shares the cache of compiled code, which saves a third of the processor time of the child's start. */
function compileCache(): NodeJS.ProcessEnv {
  const directory = getCompileCacheDir() // a subdirectory of the setting, for this version of Node
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: path.dirname(directory) }
}

function notStarted(cause: unknown): ChildOutcome {
  const fault = new HostFault('HOST_EXHAUSTED', 'the process could not be started', { cause })
  return { kind: 'fault', fault }
}

/** Waits for the end of the process and of its standard error. 'close' is not emitted when this side closed the channel. */
async function waitForEnd(
  child: ChildProcess,
): Promise<
  | { readonly kind: 'ended'; readonly how: number | NodeJS.Signals }
  | { readonly kind: 'unstarted'; readonly cause: unknown }
> {
  const stderrClosed = child.stderr === null ? undefined : once(child.stderr, 'close')
  try {
    const [code, killedBy] = await once(child, 'exit')
    await stderrClosed
    return { kind: 'ended', how: code ?? killedBy }
  } catch (cause) {
    return { kind: 'unstarted', cause }
  }
}

/** Closes the channel, which asks the child to end, and kills it if it does not. */
function stopChild(child: ChildProcess): void {
  if (child.connected) child.disconnect()
  const kill = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  child.once('exit', () => clearTimeout(kill))
}

/**
 * The child's side of `runInChild`: performs one task, sends the answer and lets the process end.
 *
 * The signal aborts when the parent has ended or needs no answer; the work must then stop, because nothing else stops it. An
 * error is printed to standard error and ends the process.
 */
export function serveOneTask(perform: (task: unknown, signal: AbortSignal) => Promise<unknown>): void {
  const abandoned = new AbortController()
  process.once('disconnect', () => abandoned.abort())
  process.once('message', async (message: { task: unknown }) => {
    try {
      sendToParent({ kind: 'answer', answer: await perform(message.task, abandoned.signal) })
    } catch (error) {
      const stderrTail = error instanceof Error ? (error.stack ?? error.message) : String(error)
      process.stderr.write(`${stderrTail}\n`)
      process.exitCode = 1
      const fault = hostFaultOf(error)
      if (fault) sendToParent({ kind: 'fault', fault, message: stderrTail })
      else if (process.connected) process.disconnect()
    }
  })
}

function sendToParent(message: ChildMessage): void {
  if (process.connected) process.send?.(message, () => process.connected && process.disconnect())
}
