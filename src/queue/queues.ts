/** The queues, by what they carry. Payloads are ids, never content. */
export const queues = {
  /** Wakes a job: `{ jobId }`. */
  wake: 'job-wake',
  /** The hourly look for slots that fall due: `{}`, or `{ organizationId, reason }` for one organization. */
  scan: 'scan',
  /** What TikTok told by webhook, to be taken in: `{ key }` of the delivery. */
  webhook: 'webhook',
} as const
