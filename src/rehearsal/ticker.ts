import { sql } from 'kysely'
import { type AccountHealth, accountHealth } from '../../machines/rules/account-health.ts'
import type { Failure } from '../../machines/rules/failure.ts'
import type { Db } from '../store/database.ts'
import { listenForHints } from '../store/event/notify.ts'
import type { Terminal } from '../telemetry/terminal.ts'
import { barOf, createLabels, detailLine, failureLines, lineOf, type Progress } from './ticker-line.ts'

export interface TickerOptions {
  readonly db: Db
  readonly databaseUrl: string
  readonly organizationId: string
  /** Where a stored video lies on this machine. */
  readonly pathOf: (sha256: string) => string
  readonly terminal: Terminal
  readonly onError: (error: unknown) => void
}

/** States that only ask whether there is news. */
const polls = new Set(['generating.checking', 'watching.checking'])

/** States in which nothing goes on by itself. */
const ends = new Set(['published', 'delivered', 'failed', 'cancelled', 'needsPerson', 'takenDown'])

interface Row {
  readonly sequence: number
  readonly at: Date
  readonly to: string
  readonly progress: Progress | null
  readonly jobId: string
  readonly title: string
  /** Of the job as it is now; null if it has gone on since, for then it may be of another state. */
  readonly failure: Failure | null
  readonly sha256: string | null
  readonly ids: readonly string[] | null
  /** Of an account's transition, the account as it is now. */
  readonly account: {
    readonly id: string
    readonly username: string | null
    readonly state: string
    readonly scopes: readonly string[]
    readonly accessExpiresAt: number | null
    readonly failure: Failure | null
  } | null
}

/** Prints what happens to jobs and accounts, as it happens, until it is closed: one line each, redrawn where somebody watches, and more for a failure. */
export async function startTicker(options: TickerOptions): Promise<{ close(): Promise<void> }> {
  const { db, organizationId, terminal, onError } = options
  const { print } = terminal
  const { rows } = await sql<{ sequence: number }>`
    select sequence from event_head where organization_id = ${organizationId}`.execute(db)
  let cursor = rows[0]?.sequence ?? 0
  let reading: Promise<void> | undefined
  let again = false
  const shownJobs = new Map<string, { readonly place: string; readonly failureCode: string | null }>()
  const shownAccounts = new Map<string, AccountHealth['status']>()
  const labelOf = createLabels()

  /** A line that is redrawn shows every step of a bar; one that stays only whole ones. */
  const newsOf = (progress: Progress) => (terminal.isLive ? barOf(progress) : Math.floor(progress.done))

  const showJob = ({ at, to, jobId, title, progress, failure, sha256, ids }: Row) => {
    // A poll that found nothing new is a transition, but no news.
    const place = `${to} ${progress ? newsOf(progress) : ''}`
    const before = shownJobs.get(jobId)
    const isSameFailure = failure === null || before?.failureCode === failure.code
    if (polls.has(to) || (before?.place === place && isSameFailure)) return
    shownJobs.set(jobId, { place, failureCode: failure?.code ?? null })
    const end = to === 'published' && ids?.length ? `  post ${ids.join(', ')}` : ''
    const line = lineOf({ at, label: labelOf(jobId, title), state: to, progress, end })
    if (ends.has(to)) terminal.settle(jobId, line)
    else terminal.progress(jobId, line)
    // The line is drawn over; what its failure was stays.
    if (failure && terminal.isLive && !ends.has(to)) print(line)
    if (failure) for (const line of failureLines(failure)) print(line)
    if (to === 'published' && sha256) print(detailLine(options.pathOf(sha256)))
  }
  const showAccount = (at: Date, account: NonNullable<Row['account']>) => {
    // A key goes missing without a transition, and so without a line.
    const { status, failure } = accountHealth({ ...account, now: at.getTime(), isKeyMissing: false })
    // It is healthy, or being connected for the first time, until it is said not to be.
    const before = shownAccounts.get(account.id)
    if (status === before || (before === undefined && isQuiet[status])) return
    shownAccounts.set(account.id, status)
    const label = labelOf(account.id, `account ${account.username ?? account.id}`)
    print(lineOf({ at, label, state: status, progress: null, end: '' }))
    if (failure) for (const line of failureLines(failure)) print(line)
  }
  const read = async (): Promise<void> => {
    const { rows: moves } = await sql<Row>`
      select event.sequence, event.at, event.payload->>'to' as "to", event.payload->'progress' as progress,
             job.id as "jobId", coalesce(slot.storyboard->>'title', slot.caption) as title,
             case when job.state = event.payload->>'to' then nullif(job.context->'failure', 'null') end as failure,
             job.context->'media'->>'sha256' as sha256, job.context->'publicPostIds' as ids,
             case when event.type = 'account.moved' then jsonb_build_object(
               'id', account.id, 'username', account.username, 'state', machine.state, 'scopes', account.scopes,
               'accessExpiresAt', machine.context->'accessExpiresAt', 'failure', machine.context->'failure') end as account
        from event
        left join (job join slot on slot.id = job.slot_id) on job.id = event.job_id
        left join (account join job machine on machine.id = account.id)
               on account.id = event.account_id and event.type = 'account.moved'
       where event.organization_id = ${organizationId} and event.sequence > ${cursor}
         and (job.id is not null or account.id is not null)
       order by event.sequence`.execute(db)
    for (const move of moves) {
      cursor = move.sequence
      if (move.account) showAccount(move.at, move.account)
      else showJob(move)
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

const isQuiet: Readonly<Record<AccountHealth['status'], boolean>> = {
  healthy: true,
  notConnected: true,
  permissionMissing: false,
  renewalFailing: false,
  keyMissing: false,
  broken: false,
}
