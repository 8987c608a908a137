import type { Db } from '../store/database.ts'
import { listFollowedTransitions } from '../store/event/followed-transitions.ts'
import { listenForChanges } from '../store/event/notify.ts'
import { readHead } from '../store/event/read.ts'
import type { Terminal } from '../telemetry/terminal.ts'
import { createProgressPrinter } from './progress-printer.ts'

export interface ProgressDisplayOptions {
  readonly db: Db
  readonly databaseUrl: string
  readonly organizationId: string
  /** Where a person finds a stored video. */
  readonly locationOf: (sha256: string) => string
  readonly terminal: Terminal
  readonly onError: (error: unknown) => void
}

/** Prints the transitions of an organization's jobs and accounts as they are committed, until it is closed. */
export async function startProgressDisplay(
  options: ProgressDisplayOptions,
): Promise<{ close(): Promise<void> }> {
  const { db, organizationId, terminal, onError } = options
  const print = createProgressPrinter(terminal, options.locationOf)
  let cursor = await readHead(db, organizationId)
  let reading: Promise<void> | undefined
  let isStale = false

  const readNew = async (): Promise<void> => {
    for (const transition of await listFollowedTransitions(db, organizationId, cursor)) {
      cursor = transition.sequence
      print(transition)
    }
  }
  /** Reads once more when it is called during a read, which may have missed the newest transition. */
  const refresh = () => {
    isStale = true
    reading ??= (async () => {
      while (isStale) {
        isStale = false
        await readNew().catch(onError)
      }
      reading = undefined
    })()
  }
  const listener = await listenForChanges(options.databaseUrl, { onChange: refresh, onGap: refresh, onError })
  return {
    async close() {
      await listener.close()
      await reading
    },
  }
}
