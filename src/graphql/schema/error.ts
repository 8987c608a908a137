import { GraphQLError } from 'graphql'
import type { QuotaShort as QuotaShortage } from '../../commands/quota/reserve-quota.ts'
import type { FieldIssue, Refusal, SlotViolation } from '../../commands/refusal.ts'

/** The codes of refusals, which mutations answer as results. */
export const refusalCodes = {
  INVALID_INPUT: 'The input cannot be used; correct what is named and send it again.',
  NOT_FOUND: 'What an id names does not exist, or is not yours.',
  NOT_PERMITTED_IN_STATE: 'The thing is in a state that does not permit this.',
  SLOT_CLAIMED:
    'A job works by the slot, or has ended by it otherwise than cancelled, so this of it cannot be changed.',
  CREATOR_SETTINGS_VIOLATION: 'The settings of the creator at TikTok do not allow what is planned.',
  JOB_KEY_IN_USE: 'An unfinished job of another slot has the job key.',
  SLOT_TOO_LATE: 'The time of the slot has passed too long ago to be posted.',
  QUOTA_EXCEEDED: 'A hard limit of the quota has no room for this.',
  IDEMPOTENCY_CONFLICT: 'The idempotency key was used for other work.',
  IDEMPOTENCY_IN_PROGRESS: 'Another request works under the idempotency key; send it again in a moment.',
} as const
export type RefusalCode = keyof typeof refusalCodes

/** Something that a mutation answers instead of its success. Thrown, so that its transaction leaves nothing behind. */
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
    super(`${field}: there is no such thing`)
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
    super(
      'a job works by this slot already, or has posted it: cancel the job if it can be, and change the slot then, or add another slot',
    )
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
    super('an unfinished job of another slot has this job key; once that job is done, the key is free again')
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

export class QuotaExceeded extends RefusalError {
  readonly code = 'QUOTA_EXCEEDED'
  readonly metric: QuotaShortage['metric']
  readonly period: QuotaShortage['period']
  readonly available: number
  readonly needed: number
  readonly nextAvailableAt: Date | null
  constructor({ metric, period, available, needed, nextAvailableAt }: QuotaShortage) {
    const more = nextAvailableAt
      ? `more comes at ${nextAvailableAt.toISOString()}`
      : 'more comes by a grant only'
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
    super('this idempotency key was used with another mutation or another input; take a new key for new work')
  }
}

export class IdempotencyInProgress extends RefusalError {
  readonly code = 'IDEMPOTENCY_IN_PROGRESS'
  readonly retryAfterSeconds = 1
  constructor() {
    super('another request works under this idempotency key; send it again in a moment to get its answer')
  }
}

/** A command's refusal as the error that the API answers. */
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
    case 'quotaShort':
      return new QuotaExceeded(refusal)
  }
}

/** Codes of errors that are no results: the request itself cannot be answered. */
export type RequestErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'BAD_USER_INPUT'
  | 'INPUT_TOO_LARGE'
  | 'AFTER_OUT_OF_RANGE'
  | 'TOO_MANY_SUBSCRIPTIONS'

const statuses: Readonly<Partial<Record<RequestErrorCode, number>>> = { UNAUTHENTICATED: 401 }

export function requestError(code: RequestErrorCode, message: string, details: object = {}): GraphQLError {
  const status = statuses[code]
  return new GraphQLError(message, { extensions: { code, ...details, ...(status && { http: { status } }) } })
}

/** The key has not the points that the request costs. */
export function rateLimited(retryAfterSeconds: number): GraphQLError {
  return new GraphQLError(`This API key has no points left for this; it will in ${retryAfterSeconds} s.`, {
    extensions: { code: 'RATE_LIMITED', retryAfterSeconds, http: { status: 429 } },
  })
}
