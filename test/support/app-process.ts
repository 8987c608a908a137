import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { waitUntil } from './wait.ts'

/** The command line in its own process. */
export interface AppProcess {
  readonly child: ChildProcess
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  /** Everything printed so far. */
  output(): string
}

export function startAppProcess(
  command: string,
  environment: Readonly<Record<string, string>>,
  ...rest: readonly string[]
): AppProcess {
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, command, ...rest], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // The process must not outlive the test.
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  }
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  return { child, exited, output: () => output }
}

/** Waits until `/readyz` answers 200. */
export async function untilReady(port: number, app: AppProcess, timeoutMs = 150_000): Promise<void> {
  const probe = () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      (response) => response.status,
      () => (app.child.exitCode === null ? 'not listening' : `exited: ${app.output()}`),
    )
  await waitUntil(probe, (status) => status === 200 || String(status).startsWith('exited'), timeoutMs).then(
    (status) => {
      if (status !== 200) throw new Error(String(status))
    },
  )
}
