import type { Logger } from '../logger.ts'
import type { StepReport } from '../steps/step-report.ts'

/** Logs the reports of steps: the beginning and end of a host fault, and the causes of failures. */
export function logSteps(log: Logger): (report: StepReport) => void {
  const stepLog = log.child({ component: 'steps' })
  return (report) => {
    switch (report.kind) {
      case 'began': {
        const { fault, step, cause } = report
        stepLog.error(
          { err: cause, fault, step },
          'a fault of this host or its storage fails steps; they are retried',
        )
        return
      }
      case 'ended': {
        const { fault, steps } = report
        stepLog.info({ fault, steps }, 'no step has failed by this fault for some minutes')
        return
      }
      case 'failed': {
        const { code, jobId, cause } = report
        const err = cause instanceof Error ? cause : { message: String(cause) }
        stepLog.warn({ err, code, jobId }, 'step failed')
      }
    }
  }
}
