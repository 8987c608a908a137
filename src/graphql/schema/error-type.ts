import type { SlotViolation as SlotViolationRecord } from '../../commands/refusal.ts'
import { builder } from './builder.ts'
import {
  CreatorSettingsViolation,
  IdempotencyConflict,
  IdempotencyInProgress,
  InvalidInput,
  JobKeyInUse,
  MediaInUse,
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
  description: 'The kind of error, for programs.',
  // `fromEntries` loses the keys' type.
  values: Object.fromEntries(
    Object.entries(refusalCodes).map(([code, description]) => [code, { description }]),
  ) as Record<RefusalCode, { description: string }>,
})

const ErrorInterface = builder.interfaceRef<RefusalError>('Error').implement({
  description: 'Why a mutation had no effect.',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCode, description: 'The kind of error, for programs.' }),
    message: t.exposeString('message', { description: 'A message for people.' }),
  }),
})

const InputProblem = builder
  .objectRef<{ readonly path: string; readonly message: string }>('InputProblem')
  .implement({
    description: 'A mistake in an input.',
    authScopes: { read: true },
    fields: (t) => ({
      path: t.exposeString('path', {
        description: 'The path of the value in the input, such as `slots.0.storyboard.scenes.2.text`.',
      }),
      message: t.exposeString('message', { description: 'What the value must be.' }),
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
      description: 'All mistakes in the input.',
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
    field: t.exposeString('field', { description: 'The input field with the id.' }),
  }),
})

builder.objectType(NotPermittedInState, {
  name: 'NotPermittedInStateError',
  description: refusalCodes.NOT_PERMITTED_IN_STATE,
  interfaces: [ErrorInterface],
  authScopes: { read: true },
  fields: (t) => ({
    state: t.exposeString('state', { description: 'The current state.' }),
    event: t.exposeString('event', { description: 'The event that the mutation sends.' }),
  }),
})

builder.objectType(SlotClaimed, {
  name: 'SlotClaimedError',
  description: refusalCodes.SLOT_CLAIMED,
  interfaces: [ErrorInterface],
  authScopes: { read: true },
  fields: (t) => ({
    slotId: t.id({
      description: 'The global id of the slot.',
      resolve: ({ slotId }) => encodeGlobalId('Slot', slotId),
    }),
  }),
})

const SlotViolation = builder.objectRef<SlotViolationRecord>('SlotViolation').implement({
  description: 'A TikTok setting of the creator that a slot violates.',
  authScopes: { read: true },
  fields: (t) => ({
    slotId: t.id({
      description: 'The global id of the slot.',
      resolve: ({ slotId }) => encodeGlobalId('Slot', slotId),
    }),
    path: t.exposeString('path', { description: 'The field of the slot, such as `allowDuet`.' }),
    message: t.exposeString('message', { description: 'What the setting allows.' }),
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
      description: 'All violations of the slots of the plan.',
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
      description: 'The job with the key.',
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

builder.objectType(MediaInUse, {
  name: 'MediaInUseError',
  description: refusalCodes.MEDIA_IN_USE,
  interfaces: [ErrorInterface],
  authScopes: { read: true },
  fields: (t) => ({
    slotIds: t.idList({
      description: 'The global ids of slots whose posts need the media, the earliest first, at most 20.',
      resolve: ({ slotIds }) => slotIds.map((slotId) => encodeGlobalId('Slot', slotId)),
    }),
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
      description: 'When to send the request again. Over HTTP also sent as the header `Retry-After`.',
    }),
  }),
})
