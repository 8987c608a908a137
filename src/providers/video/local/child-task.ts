import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { homedir } from 'node:os'
import { HostFault, type HostFaultCode, hostFaultOf } from '../../host-fault.ts'

const lastWordsKept = 2000
const graceMs = 3000

export type ChildOutcome =
  | { readonly kind: 'answered'; readonly answer: unknown }
  /** The process ended without an answer. `message` has its last words. */
  | { readonly kind: 'crashed'; readonly message: string }
  /** This machine let it not do its work, or not even begin. */
  | { readonly kind: 'fault'; readonly fault: HostFault }

/** What the process tells before it ends. */
type Told =
  | { readonly kind: 'answer'; readonly answer: unknown }
  | { readonly kind: 'fault'; readonly fault: HostFaultCode; readonly message: string }

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
  let child: ChildProcess
  try {
    child = fork(module, {
      execArgv: [`--max-old-space-size=${memoryLimitMb}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Nothing of our environment is a renderer's business. Kept memory spares the painter the cost of fresh pages.
      env: { HOME: homedir(), MIMALLOC_PURGE_DELAY: '-1' },
    })
  } catch (cause) {
    return unstarted(cause)
  }

  let told: Told | undefined
  child.on('message', (message: Told) => {
    told = message // from our own child, of the same version
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

  if (told?.kind === 'answer') return { kind: 'answered', answer: told.answer }
  if (told?.kind === 'fault') return { kind: 'fault', fault: new HostFault(told.fault, told.message) }
  if (end.kind === 'unstarted') return unstarted(end.cause)
  const message = `the process ended with ${end.how}: ${lastWords.trim()}`
  // Nobody here has killed it: that is what the system does when memory has run out.
  if (end.how === 'SIGKILL' && !signal.aborted)
    return { kind: 'fault', fault: new HostFault('HOST_EXHAUSTED', message) }
  return { kind: 'crashed', message }
}

function unstarted(cause: unknown): ChildOutcome {
  const fault = new HostFault('HOST_EXHAUSTED', 'the process could not be started', { cause })
  return { kind: 'fault', fault }
}

/** Waits for the process's end and its last words. Not for 'close': a channel closed from our side keeps that away. */
async function endOf(
  child: ChildProcess,
): Promise<
  | { readonly kind: 'ended'; readonly how: number | NodeJS.Signals }
  | { readonly kind: 'unstarted'; readonly cause: unknown }
> {
  const silence = child.stderr === null ? undefined : once(child.stderr, 'close')
  try {
    const [code, killedBy] = await once(child, 'exit')
    await silence
    return { kind: 'ended', how: code ?? killedBy }
  } catch (cause) {
    return { kind: 'unstarted', cause }
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
      tell({ kind: 'answer', answer: await perform(message.task, abandoned.signal) })
    } catch (error) {
      const lastWords = error instanceof Error ? (error.stack ?? error.message) : String(error)
      process.stderr.write(`${lastWords}\n`)
      process.exitCode = 1
      const fault = hostFaultOf(error)
      if (fault) tell({ kind: 'fault', fault, message: lastWords })
      else if (process.connected) process.disconnect()
    }
  })
}

function tell(told: Told): void {
  if (process.connected) process.send?.(told, () => process.connected && process.disconnect())
}
