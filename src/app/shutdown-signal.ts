/** How often it is looked whether npm still runs. */
const lookMs = 500

/**
 * Aborts once this process shall end, with why in words as its reason: at SIGTERM, SIGINT or SIGHUP (a terminal that is closed),
 * when nobody reads what it prints (`npm start | head`), and when the npm that started it has gone without a word. Later
 * reasons change nothing: a second SIGINT must not cut a drain short; SIGKILL always can, and loses nothing.
 */
export function createShutdownSignal({ isFromNpm }: { readonly isFromNpm: boolean }): AbortSignal {
  const controller = new AbortController()
  const end = (why: string) => controller.abort(why)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end)
  process.stdout.on('error', () => end('nobody reads the output any more'))
  // Without a listener the process would end here and now, and leave its Postgres behind.
  process.stderr.on('error', () => undefined)

  // npm passes SIGTERM and SIGINT on, but dies of SIGHUP and SIGKILL without telling us.
  const parent = process.ppid
  const look = () => {
    if (process.ppid !== parent) end('npm is gone')
  }
  if (isFromNpm) setInterval(look, lookMs).unref()
  return controller.signal
}
