import { GraphQLError } from 'graphql'
import type { QuotaShort as QuotaShortage } from '../../commands/quota/reserve-quota.ts'
import type { FieldIssue, Refusal, SlotViolation } from '../../commands/refusal.ts'

/** The codes of the errors that mutations return as results. */
export const refusalCodes = {
  INVALID_INPUT: 'The input is invalid. The error lists what to correct.',
  NOT_FOUND: 'An id in the input names nothing in your organization.',
  NOT_PERMITTED_IN_STATE: 'The current state does not permit the operation.',
  SLOT_CLAIMED:
    'A job has claimed the slot and was not cancelled, so this part of the slot cannot be changed.',
  CREATOR_SETTINGS_VIOLATION:
    'The TikTok settings of the creator do not allow the planned post, or its media may not be posted.',
  JOB_KEY_IN_USE: 'An unfinished job of another slot has this job key.',
  SLOT_TOO_LATE: 'The publishing time of the slot is too far in the past.',
  MEDIA_IN_USE: 'Posts that are approved or in progress need the media.',
  QUOTA_EXCEEDED: 'A hard quota limit does not have enough left.',
  IDEMPOTENCY_CONFLICT: 'The idempotency key was used with another mutation or input.',
  IDEMPOTENCY_IN_PROGRESS:
    'Another request with the idempotency key is in progress. Send the request again later.',
} as const
export type RefusalCode = keyof typeof refusalCodes

/** An error that a mutation returns as its result. It is thrown, so that the transaction rolls back. */
export abstract class RefusalError extends Error {
  abstract readonly code: RefusalCode
}

export class InvalidInput extends RefusalError {
  readonly code = 'INVALID_INPUT'
  readonly fields: readonly FieldIssue[]
  constructor(fields: readonly FieldIssue[]) {
    super(fields.map(({ path, message }) => `${path}: ${message}`).join('; '))
    this.fields = fields
  }
}

export class NotFound extends RefusalError {
  readonly code = 'NOT_FOUND'
  readonly field: string
  constructor(field: string) {
    super(`${field}: not found`)
    this.field = field
  }
}

export class NotPermittedInState extends RefusalError {
  readonly code = 'NOT_PERMITTED_IN_STATE'
  readonly state: string
  readonly event: string
  constructor(state: string, event: string) {
    super(`"${event}" is not permitted in the state "${state}"`)
    this.state = state
    this.event = event
  }
}

export class SlotClaimed extends RefusalError {
  readonly code = 'SLOT_CLAIMED'
  readonly slotId: string
  constructor(slotId: string) {
    super('a job has claimed this slot: cancel the job and then change the slot, or add another slot')
    this.slotId = slotId
  }
}

export class CreatorSettingsViolation extends RefusalError {
  readonly code = 'CREATOR_SETTINGS_VIOLATION'
  readonly violations: readonly SlotViolation[]
  constructor(violations: readonly SlotViolation[]) {
    super(violations.map(({ path, message }) => `${path}: ${message}`).join('; '))
    this.violations = violations
  }
}

export class JobKeyInUse extends RefusalError {
  readonly code = 'JOB_KEY_IN_USE'
  readonly jobId: string
  constructor(jobId: string) {
    super('an unfinished job of another slot has this job key; the key is free again when that job has ended')
    this.jobId = jobId
  }
}

export class SlotTooLate extends RefusalError {
  readonly code = 'SLOT_TOO_LATE'
  readonly publishAt: Date
  constructor(publishAt: Date) {
    super(`the slot was due at ${publishAt.toISOString()}`)
    this.publishAt = publishAt
  }
}

export class MediaInUse extends RefusalError {
  readonly code = 'MEDIA_IN_USE'
  readonly slotIds: readonly string[]
  constructor(slotIds: readonly string[]) {
    super('posts need this media: change or remove their slots, or cancel their jobs')
    this.slotIds = slotIds
  }
}

export class QuotaExceeded extends RefusalError {
  readonly code = 'QUOTA_EXCEEDED'
  readonly metric: QuotaShortage['metric']
  readonly period: QuotaShortage['period']
  readonly available: number
  readonly needed: number
  readonly nextAvailableAt: Date | null
  constructor({ metric, period, available, needed, nextAvailableAt }: QuotaShortage) {
    const more = nextAvailableAt
      ? `more is available at ${nextAvailableAt.toISOString()}`
      : 'only a grant adds more'
    super(`${metric} (${period}): ${available} left, ${needed} needed; ${more}`)
    this.metric = metric
    this.period = period
    this.available = available
    this.needed = needed
    this.nextAvailableAt = nextAvailableAt
  }
}

export class IdempotencyConflict extends RefusalError {
  readonly code = 'IDEMPOTENCY_CONFLICT'
  constructor() {
    super('this idempotency key was used with another mutation or input; use a new key for a new request')
  }
}

export class IdempotencyInProgress extends RefusalError {
  readonly code = 'IDEMPOTENCY_IN_PROGRESS'
  readonly retryAfterSeconds = 1
  constructor() {
    super(
      'another request with this idempotency key is in progress; send the request again to get its response',
    )
  }
}

/** Converts a command's refusal into the error that the mutation returns. */
export function errorOf(refusal: Refusal): RefusalError {
  switch (refusal.kind) {
    case 'invalid':
      return new InvalidInput(refusal.fields)
    case 'missing':
      return new NotFound(refusal.field)
    case 'refused':
      return new NotPermittedInState(refusal.state, refusal.event)
    case 'claimed':
      return new SlotClaimed(refusal.slotId)
    case 'creatorForbids':
      return new CreatorSettingsViolation(refusal.violations)
    case 'underWay':
      return new JobKeyInUse(refusal.jobId)
    case 'tooLate':
      return new SlotTooLate(refusal.publishAt)
    case 'mediaInUse':
      return new MediaInUse(refusal.slotIds)
    case 'quotaShort':
      return new QuotaExceeded(refusal)
  }
}

/** Codes of top-level errors: the request cannot be executed. */
export type RequestErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'BAD_USER_INPUT'
  | 'INPUT_TOO_LARGE'
  | 'AFTER_OUT_OF_RANGE'
  | 'AFTER_TOO_OLD'
  | 'TOO_MANY_SUBSCRIPTIONS'
  | 'PERSISTED_QUERY_NOT_FOUND'

const statuses: Readonly<Partial<Record<RequestErrorCode, number>>> = { UNAUTHENTICATED: 401 }

export function requestError(code: RequestErrorCode, message: string, details: object = {}): GraphQLError {
  const status = statuses[code]
  return new GraphQLError(message, { extensions: { code, ...details, ...(status && { http: { status } }) } })
}

/** The error for a request that costs more points than its API key has left. */
export function rateLimited(retryAfterSeconds: number): GraphQLError {
  return new GraphQLError(
    `This API key has too few points left for the request. Retry in ${retryAfterSeconds} s.`,
    {
      extensions: { code: 'RATE_LIMITED', retryAfterSeconds, http: { status: 429 } },
    },
  )
}
