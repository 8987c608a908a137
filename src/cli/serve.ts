import { once } from 'node:events'
import path from 'node:path'
import { type Role, startApp } from '../app/app.ts'
import { shortPath } from '../app/data-directory.ts'
import { createFileLogger, createLogger } from '../logger.ts'
import { createTerminal } from '../telemetry/terminal.ts'
import type { CommandCall } from './command.ts'

/** Serves until the shutdown signal. On a terminal, logs go to a file; warnings and errors are also printed. */
export async function serve({ config, shutdown }: CommandCall, roles: readonly Role[]): Promise<number> {
  const terminal = createTerminal({ out: process.stdout, err: process.stderr })
  const isInteractive = terminal.isLive && config.pretty
  const file = path.join(config.dataDirectory, 'reelpilot.log')
  if (isInteractive) terminal.print(`  Log        ${shortPath(file)}`)
  const log = isInteractive
    ? createFileLogger(config.logLevel, file, terminal.warn)
    : createLogger(config.logLevel, config.pretty)
  const app = await startApp({ config, roles, log, terminal, shutdown })
  if (app.address) log.child({ component: 'api' }).info(`listening on ${app.address}/graphql`)
  if (!shutdown.aborted) await once(shutdown, 'abort')
  if (isInteractive) terminal.print('\n  Stopping. Unfinished jobs continue at the next start …')
  log.info({ reason: shutdown.reason }, 'draining')
  await app.stop()
  return 0
}
