import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { freePort } from './free-port.ts'
import { waitUntil } from './wait.ts'

const program = '/usr/sbin/nginx'

/** Starts a real nginx with its defaults in front of an address. Returns its URL; null, with a warning, if none is installed. */
export async function startNginx(upstream: string): Promise<string | null> {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-nginx-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const port = await freePort()
  const temporaryPaths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${name};`,
  )
  await writeFile(
    path.join(directory, 'nginx.conf'),
    `daemon off; master_process off; pid nginx.pid; error_log stderr;
     events {}
     http {
       access_log off; ${temporaryPaths.join(' ')}
       server { listen 127.0.0.1:${port}; location / { proxy_pass ${upstream}; } }
     }`,
  )
  const child = spawn(program, ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr'], { stdio: 'ignore' })
  if (!(await once(child, 'spawn').catch(() => null))) {
    console.warn(
      '\n  SKIPPED: no nginx is installed here; streams through a proxy that buffers are not tested.\n',
    )
    return null
  }
  onTestFinished(async () => {
    const exited = once(child, 'exit')
    if (child.exitCode === null && child.kill('SIGKILL')) await exited
  })
  await waitUntil(
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
        socket.on('connect', () => socket.destroy())
      }),
    (isListening) => isListening || child.exitCode !== null,
  )
  return `http://127.0.0.1:${port}`
}
