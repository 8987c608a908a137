import { minuteInSeconds, verdictsOf } from './verdict-row.ts'

// A post cannot appear without its last byte, so it may be opened again once its upload has certainly expired incomplete.
const lapsed = {
  verdict: 'OUTCOME_UNKNOWN',
  nextStep:
    'The post is opened again once it is certain that its upload was never completed. If that does not help, retry the job.',
} as const
const expired = {
  ...lapsed,
  httpStatus: 403,
  meaning: 'The hour in which the video had to be uploaded has passed.',
} as const
const gone = {
  ...lapsed,
  httpStatus: 404,
  meaning: 'The upload host no longer knows this upload.',
} as const
const rangeMismatch = {
  httpStatus: 416,
  verdict: 'OUTCOME_UNKNOWN',
  meaning: 'The upload host expects a different part of the file.',
  nextStep:
    'The progress is looked up at TikTok, and the upload continues from there. If that does not help, retry the job.',
} as const

/**
 * HTTP statuses of the upload host, which has no error codes.
 * Sending a chunk again never creates a second post. Source: TikTok, "Media transfer guide".
 */
export const uploadVerdicts = verdictsOf('upload', {
  http_400: {
    httpStatus: 400,
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The upload host refused a chunk as malformed.',
    nextStep: 'The operator reports this as a bug. Sending the same chunk again does not help.',
  },
  http_403: expired,
  http_404: gone,
  http_408: {
    httpStatus: 408,
    verdict: 'RETRY_AFTER',
    meaning: 'A chunk reached the upload host too slowly.',
    nextStep:
      'No action needed: the chunk is sent again. If this persists, the operator checks the network connection to TikTok.',
    afterSeconds: 5,
  },
  http_416: rangeMismatch,
  http_429: {
    httpStatus: 429,
    verdict: 'RETRY_AFTER',
    meaning: 'The upload host received requests faster than it allows.',
    nextStep: 'No action needed: the chunk is sent again after the minute.',
    afterSeconds: minuteInSeconds,
  },
  http_5xx: {
    verdict: 'RETRY_AFTER',
    meaning: 'The upload host failed while it received a chunk.',
    nextStep: 'No action needed: the same chunk is sent again.',
    afterSeconds: 5,
  },
  // The same statuses under the names that our client gives them.
  upload_expired: expired,
  upload_gone: gone,
  range_mismatch: rangeMismatch,
})
