import type { SlotViolation as SlotViolationRecord } from '../../commands/refusal.ts'
import { builder } from './builder.ts'
import {
  CreatorSettingsViolation,
  IdempotencyConflict,
  IdempotencyInProgress,
  InvalidInput,
  JobKeyInUse,
  NotFound,
  NotPermittedInState,
  QuotaExceeded,
  type RefusalCode,
  type RefusalError,
  refusalCodes,
  SlotClaimed,
  SlotTooLate,
} from './error.ts'
import { encodeGlobalId } from './global-id.ts'
import { shortageFields } from './quota/quota-type.ts'

const ErrorCode = builder.enumType('ErrorCode', {
  description: 'What kind of refusal this is, for programs.',
  // The table has exactly the codes; `fromEntries` forgets that.
  values: Object.fromEntries(
    Object.entries(refusalCodes).map(([code, description]) => [code, { description }]),
  ) as Record<RefusalCode, { description: string }>,
})

const ErrorInterface = builder.interfaceRef<RefusalError>('Error').implement({
  description: 'Why a mutation did nothing. Nothing of it was done.',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCode, description: 'What kind of refusal this is, for programs.' }),
    message: t.exposeString('message', { description: 'What is wrong, for people.' }),
  }),
})

const InputProblem = builder
  .objectRef<{ readonly path: string; readonly message: string }>('InputProblem')
  .implement({
    description: 'One thing to correct in an input.',
    authScopes: { read: true },
    fields: (t) => ({
      path: t.exposeString('path', {
        description: 'Where in the input, as in `slots.0.storyboard.scenes.2.text`.',
      }),
      message: t.exposeString('message', { description: 'What would be right.' }),
    }),
  })

builder.objectType(InvalidInput, {
  name: 'InvalidInputError',
  description: refusalCodes.INVALID_INPUT,
  interfaces: [ErrorInterface],
  authScopes: { read: true },
  fields: (t) => ({
    fields: t.field({
      type: [InputProblem],
      description: 'Every mistake that was found.',
      resolve: ({ fields }) => [...fields],
    }),
  }),
})

builder.objectType(NotFound, {
  name: 'NotFoundError',
  description: refusalCodes.NOT_FOUND,
  interfaces: [ErrorInterface],
  authScopes: { read: true },
  fields: (t) => ({
    field: t.exposeString('field', { description: 'Which field of the input named it.' }),
  }),
})

builder.objectType(NotPermittedInState, {
  name: 'NotPermittedInStateError',
  description: refusalCodes.NOT_PERMITTED_IN_STATE,
  interfaces: [ErrorInterface],
  authScopes: { read: true },
  fields: (t) => ({
    state: t.exposeString('state', { description: 'The state it is in.' }),
    event: t.exposeString('event', { description: 'What was asked of it.' }),
  }),
})

builder.objectType(SlotClaimed, {
  name: 'SlotClaimedError',
  description: refusalCodes.SLOT_CLAIMED,
  interfaces: [ErrorInterface],
  authScopes: { read: true },
  fields: (t) => ({
    slotId: t.id({ description: 'The slot.', resolve: ({ slotId }) => encodeGlobalId('Slot', slotId) }),
  }),
})

const SlotViolation = builder.objectRef<SlotViolationRecord>('SlotViolation').implement({
  description: "A rule of its creator's that a slot breaks.",
  authScopes: { read: true },
  fields: (t) => ({
    slotId: t.id({ description: 'The slot.', resolve: ({ slotId }) => encodeGlobalId('Slot', slotId) }),
    path: t.exposeString('path', { description: 'Which field of the slot breaks it, such as `allowDuet`.' }),
    message: t.exposeString('message', { description: 'What the creator allows.' }),
  }),
})

builder.objectType(CreatorSettingsViolation, {
  name: 'CreatorSettingsViolationError',
  description: refusalCodes.CREATOR_SETTINGS_VIOLATION,
  interfaces: [ErrorInterface],
  authScopes: { read: true },
  fields: (t) => ({
    violations: t.field({
      type: [SlotViolation],
      description: 'Every rule that any slot of the plan breaks.',
      resolve: ({ violations }) => [...violations],
    }),
  }),
})

builder.objectType(JobKeyInUse, {
  name: 'JobKeyInUseError',
  description: refusalCodes.JOB_KEY_IN_USE,
  interfaces: [ErrorInterface],
  authScopes: { read: true },
  fields: (t) => ({
    jobId: t.id({
      description: 'The job that has it.',
      resolve: ({ jobId }) => encodeGlobalId('Job', jobId),
    }),
  }),
})

builder.objectType(SlotTooLate, {
  name: 'SlotTooLateError',
  description: refusalCodes.SLOT_TOO_LATE,
  interfaces: [ErrorInterface],
  authScopes: { read: true },
  fields: (t) => ({
    publishAt: t.expose('publishAt', { type: 'DateTime', description: 'When the slot was due.' }),
  }),
})

builder.objectType(QuotaExceeded, {
  name: 'QuotaExceededError',
  description: refusalCodes.QUOTA_EXCEEDED,
  interfaces: [ErrorInterface],
  authScopes: { read: true },
  fields: (t) => shortageFields<QuotaExceeded>(t),
})

builder.objectType(IdempotencyConflict, {
  name: 'IdempotencyConflictError',
  description: refusalCodes.IDEMPOTENCY_CONFLICT,
  interfaces: [ErrorInterface],
  authScopes: { read: true },
})

builder.objectType(IdempotencyInProgress, {
  name: 'IdempotencyInProgressError',
  description: refusalCodes.IDEMPOTENCY_IN_PROGRESS,
  interfaces: [ErrorInterface],
  authScopes: { read: true },
  fields: (t) => ({
    retryAfterSeconds: t.exposeInt('retryAfterSeconds', {
      description: 'When to send it again; over HTTP the header `Retry-After` says it too.',
    }),
  }),
})
