import { sql } from 'kysely'
import type { Db } from '../store/database.ts'
import { listenForHints } from '../store/hint.ts'

export interface TickerOptions {
  readonly db: Db
  readonly databaseUrl: string
  readonly organizationId: string
  /** Where a stored video lies on this machine. */
  readonly pathOf: (sha256: string) => string
  readonly print: (line: string) => void
  readonly onError: (error: unknown) => void
}

/** States that only ask whether there is news. */
const polls = new Set(['generating.checking', 'watching.checking'])

interface MoveRow {
  readonly sequence: number
  readonly jobId: string
  readonly at: Date
  readonly title: string
  readonly to: string
  readonly progress: { readonly done: number; readonly of: number; readonly unit: string } | null
  readonly sha256: string | null
  readonly ids: readonly string[] | null
}

/** Prints each job's moves as they happen, one line each, until it is closed. */
export async function startTicker(options: TickerOptions): Promise<{ close(): Promise<void> }> {
  const { db, organizationId, print, onError } = options
  const { rows } = await sql<{ sequence: number }>`
    select sequence from event_head where organization_id = ${organizationId}`.execute(db)
  let cursor = rows[0]?.sequence ?? 0
  let reading: Promise<void> | undefined
  let again = false
  const shown = new Map<string, string>()

  const read = async (): Promise<void> => {
    const { rows: moves } = await sql<MoveRow>`
      select event.sequence, event.at, job.id as "jobId", coalesce(slot.storyboard->>'title', slot.caption) as title,
             event.payload->>'to' as "to", event.payload->'progress' as progress,
             job.context->'media'->>'sha256' as sha256, job.context->'publicPostIds' as ids
        from event join job on job.id = event.job_id join slot on slot.id = job.slot_id
       where event.organization_id = ${organizationId} and event.sequence > ${cursor}
       order by event.sequence`.execute(db)
    for (const move of moves) {
      cursor = move.sequence
      // A poll that found nothing new is a transition, but no news.
      const news = `${move.to} ${move.progress ? barOf(move.progress) : ''}`
      if (polls.has(move.to) || shown.get(move.jobId) === news) continue
      shown.set(move.jobId, news)
      print(lineOf(move))
      if (move.to === 'published' && move.sha256) print(`          ${options.pathOf(move.sha256)}`)
    }
  }
  const look = () => {
    again = true
    reading ??= (async () => {
      while (again) {
        again = false
        await read().catch(onError)
      }
      reading = undefined
    })()
  }
  const listener = await listenForHints(options.databaseUrl, { onHint: look, onGap: look, onError })
  return {
    async close() {
      await listener.close()
      await reading
    },
  }
}

const barLength = 16

function lineOf({ at, title, to, progress, ids }: MoveRow): string {
  const time = at.toISOString().slice(11, 19)
  const end = to === 'published' && ids?.length ? `  post ${ids.join(', ')}` : ''
  return `${time}  ${title.slice(0, 28).padEnd(28)}  ${to.padEnd(24)}${progress ? `  ${barOf(progress)}` : ''}${end}`
}

function barOf({ done, of, unit }: NonNullable<MoveRow['progress']>): string {
  const filled = of > 0 ? Math.round((done / of) * barLength) : 0
  return `${'█'.repeat(filled)}${'░'.repeat(barLength - filled)}  ${Math.floor(done * 10) / 10}/${of} ${unit}`
}
