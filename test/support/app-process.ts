import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { waitUntil } from './wait.ts'

/** The product's own command line in a process of its own. */
export interface AppProcess {
  readonly child: ChildProcess
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  /** All that it printed so far. */
  output(): string
}

export function startAppProcess(
  command: string,
  environment: Readonly<Record<string, string>>,
  ...rest: readonly string[]
): AppProcess {
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, command, ...rest], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // Whatever becomes of the test, nothing of it goes on.
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

/** Waits until the API says that it can serve. */
export async function untilReady(port: number, app: AppProcess, timeoutMs = 150_000): Promise<void> {
  const ask = () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      (response) => response.status,
      () => (app.child.exitCode === null ? 'not listening' : `exited: ${app.output()}`),
    )
  await waitUntil(ask, (status) => status === 200 || String(status).startsWith('exited'), timeoutMs).then(
    (status) => {
      if (status !== 200) throw new Error(String(status))
    },
  )
}
