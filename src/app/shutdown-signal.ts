const pollIntervalMs = 500

/**
 * Aborts when this process must end; the abort reason says why. Causes: SIGTERM, SIGINT or SIGHUP (a closed terminal); a closed
 * standard output (`npm start | head`); the death of the npm that started it. Later causes change nothing: a second SIGINT must
 * not cut a drain short. SIGKILL always ends the process, and loses nothing.
 */
export function createShutdownSignal({ isFromNpm }: { readonly isFromNpm: boolean }): AbortSignal {
  const controller = new AbortController()
  const end = (reason: string) => controller.abort(reason)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end)
  process.stdout.on('error', () => end('the standard output was closed'))
  // Without a listener, an error would end the process at once and leave its Postgres running.
  process.stderr.on('error', () => undefined)

  // npm forwards SIGTERM and SIGINT, but dies of SIGHUP and SIGKILL without notice.
  const parent = process.ppid
  const checkParent = () => {
    if (process.ppid !== parent) end('npm has ended')
  }
  if (isFromNpm) setInterval(checkParent, pollIntervalMs).unref()
  return controller.signal
}
