import { minuteInSeconds, verdictsOf } from './verdict-row.ts'

// Without its last byte a post cannot appear, so one whose upload surely lapsed unfinished may be opened anew.
const lapsed = {
  verdict: 'OUTCOME_UNKNOWN',
  nextStep:
    'The post is opened anew once it is certain that its upload never became complete. If that does not help, retry the job.',
} as const
const expired = {
  ...lapsed,
  httpStatus: 403,
  meaning: 'The hour in which the video had to be uploaded is over.',
} as const
const gone = {
  ...lapsed,
  httpStatus: 404,
  meaning: 'The upload host does not know this upload any more.',
} as const
const rangeMismatch = {
  httpStatus: 416,
  verdict: 'OUTCOME_UNKNOWN',
  meaning: 'The upload host stands elsewhere in the file than we do.',
  nextStep:
    'How far it has come is asked, and the upload goes on there. If that does not help, retry the job.',
} as const

/**
 * Bare HTTP statuses of the host that takes the bytes; it has no codes of its own.
 * Sending one chunk again never makes a second post. Source: TikTok, "Media transfer guide".
 */
export const uploadVerdicts = verdictsOf('upload', {
  http_400: {
    httpStatus: 400,
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The upload host refused a chunk as malformed.',
    nextStep: 'The operator reports this as a bug. Sending the same chunk again changes nothing.',
  },
  http_403: expired,
  http_404: gone,
  http_408: {
    httpStatus: 408,
    verdict: 'RETRY_AFTER',
    meaning: 'A chunk came too slowly for the upload host.',
    nextStep:
      'Nothing needs doing: the chunk is sent again. If it lasts, the operator looks at the line to TikTok.',
    afterSeconds: 5,
  },
  http_416: rangeMismatch,
  http_429: {
    httpStatus: 429,
    verdict: 'RETRY_AFTER',
    meaning: 'The upload host asks to slow down.',
    nextStep: 'Nothing needs doing: the chunk is sent again after the minute.',
    afterSeconds: minuteInSeconds,
  },
  http_5xx: {
    verdict: 'RETRY_AFTER',
    meaning: 'The upload host failed on a chunk.',
    nextStep: 'Nothing needs doing: the same chunk is sent again.',
    afterSeconds: 5,
  },
  // The same statuses, as our client calls them.
  upload_expired: expired,
  upload_gone: gone,
  range_mismatch: rangeMismatch,
})
