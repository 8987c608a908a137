import type { Progress } from '../../machines/job/context.ts'
import { type AccountHealth, accountHealth } from '../../machines/rules/account-health.ts'
import type { Failure } from '../../machines/rules/failure.ts'
import type { FollowedTransition } from '../store/event/followed-transitions.ts'
import type { Terminal } from '../telemetry/terminal.ts'
import { createLabels, detailLine, failureLines, formatBar, formatLine } from './progress-line.ts'

/** The first poll of a clip. Further ones are no transitions. */
const firstPoll = 'generating.checking'

type AccountNow = NonNullable<FollowedTransition['account']>

/**
 * Prints transitions: one line each, redrawn on a live terminal, and the failure with its next step below. What would
 * repeat the line before it is left out.
 */
export function createProgressPrinter(
  terminal: Terminal,
  locationOf: (sha256: string) => string,
): (transition: FollowedTransition) => void {
  const { print } = terminal
  const printedJobs = new Map<string, { readonly position: string; readonly failureCode: string | null }>()
  const printedHealth = new Map<string, AccountHealth['status']>()
  const labelOf = createLabels()

  /** A line that is redrawn shows every step of its bar; a line that stays is printed once a whole unit. */
  const visibleProgress = (progress: Progress) =>
    terminal.isLive ? formatBar(progress) : Math.floor(progress.completed)

  const printJob = ({
    at,
    to,
    tag,
    jobId,
    title,
    progress,
    sha256,
    publicPostIds,
    ...job
  }: FollowedTransition) => {
    const failure = job.failure as Failure | null // written by the job's machine
    const position = `${to} ${progress ? visibleProgress(progress) : ''}`
    const before = printedJobs.get(jobId)
    const isSameFailure = failure === null || before?.failureCode === failure.code
    if (to === firstPoll || (before?.position === position && isSameFailure)) return
    printedJobs.set(jobId, { position, failureCode: failure?.code ?? null })

    const suffix = to === 'published' && publicPostIds?.length ? `  post ${publicPostIds.join(', ')}` : ''
    const line = formatLine({ at, label: labelOf(jobId, title), state: to, progress, suffix })
    const isResting = tag === 'settled' || tag === 'final' || to === 'needsPerson'
    if (isResting) terminal.settle(jobId, line)
    else terminal.progress(jobId, line)
    // A redrawn line is overwritten later, so that its failure needs a line that stays.
    if (failure && terminal.isLive && !isResting) print(line)
    if (failure) for (const line of failureLines(failure)) print(line)
    if (to === 'published' && sha256) print(detailLine(locationOf(sha256)))
  }

  const printAccount = (at: Date, account: AccountNow) => {
    const { status, failure } = accountHealth({
      ...account,
      failure: account.failure as Failure | null, // written by the account's machine
      now: at.getTime(),
      // A missing key causes no transition, and so no line here.
      isKeyMissing: false,
    })
    const before = printedHealth.get(account.id)
    if (status === before || (before === undefined && isQuietAtFirst[status])) return
    printedHealth.set(account.id, status)
    const label = labelOf(account.id, `account ${account.username ?? account.id}`)
    print(formatLine({ at, label, state: status, progress: null, suffix: '' }))
    if (failure) for (const line of failureLines(failure)) print(line)
  }

  return (transition) => {
    if (transition.account) printAccount(transition.at, transition.account)
    else printJob(transition)
  }
}

/** An account is assumed to be healthy, or about to be connected, until it is shown otherwise. */
const isQuietAtFirst: Readonly<Record<AccountHealth['status'], boolean>> = {
  healthy: true,
  notConnected: true,
  permissionMissing: false,
  renewalFailing: false,
  keyMissing: false,
  broken: false,
}
