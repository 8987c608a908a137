import type { Logger } from '../logger.ts'
import type { StepReport } from '../steps/step-report.ts'

/** Writes to the log what steps have to tell: an outage of the machine at its start and its end, and causes of failures. */
export function logSteps(log: Logger): (news: StepReport) => void {
  return (news) => {
    switch (news.kind) {
      case 'began': {
        const { fault, step, cause } = news
        log.error({ err: cause, fault, step }, 'this machine fails its steps; they are tried again')
        return
      }
      case 'ended': {
        const { fault, steps } = news
        log.info({ fault, steps }, 'this machine has not failed a step for some minutes')
        return
      }
      case 'failed': {
        const { code, jobId, cause } = news
        const err = cause instanceof Error ? cause : { message: String(cause) }
        log.warn({ err, code, jobId }, 'a step was not done')
      }
    }
  }
}
