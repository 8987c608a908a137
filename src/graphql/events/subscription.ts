import { type EventFilter, readHead } from '../../store/event/read.ts'
import { builder } from '../schema/builder.ts'
import { requireExistingSequence } from '../schema/connection.ts'
import { requestError } from '../schema/error.ts'
import { decodeGlobalId } from '../schema/global-id.ts'
import { Event } from '../schema/ref.ts'
import type { Context } from '../server/context.ts'
import { clearLoaders } from '../server/loaders.ts'
import type { EventSubscription } from './event-subscription.ts'

const after =
  'The sequence of the last event that you received: later events are replayed first. Default: the current sequence; 0: the first event that is kept. A sequence that does not exist yet is an error, and so is one whose following events were deleted.'

builder.subscriptionType({
  description:
    'Events as they occur: each once, in order and without gaps, also after a reconnect with `after`.',
  authScopes: { read: true },
  fields: (t) => ({
    events: t.field({
      type: Event,
      description: 'All events of the organization.',
      authScopes: { read: true },
      args: { after: t.arg({ type: 'SafeInt', description: after }) },
      subscribe: (_root, args, context) => subscribeTo(context, args.after, { kind: 'all' }),
      resolve: (event) => event,
    }),
    jobEvents: t.field({
      type: Event,
      description: 'The events of one job. The subscription stays open after the job has ended.',
      authScopes: { read: true },
      args: {
        jobId: t.arg.id({ required: true, description: 'The job.' }),
        after: t.arg({ type: 'SafeInt', description: after }),
      },
      subscribe: async (_root, args, context) => {
        const decoded = decodeGlobalId(args.jobId)
        const job = decoded?.name === 'Job' ? await context.load.job.load(decoded.id) : null
        if (!job) throw requestError('BAD_USER_INPUT', 'jobId: not found')
        return subscribeTo(context, args.after, { kind: 'job', jobId: job.id })
      },
      resolve: (event) => event,
    }),
    planEvents: t.field({
      type: Event,
      description: 'The events of one plan, its slots and their jobs.',
      authScopes: { read: true },
      args: {
        planId: t.arg.id({ required: true, description: 'The plan.' }),
        after: t.arg({ type: 'SafeInt', description: after }),
      },
      subscribe: async (_root, args, context) => {
        const decoded = decodeGlobalId(args.planId)
        const plan = decoded?.name === 'Plan' ? await context.load.plan.load(decoded.id) : null
        if (!plan) throw requestError('BAD_USER_INPUT', 'planId: not found')
        return subscribeTo(context, args.after, { kind: 'plan', planId: plan.id })
      },
      resolve: (event) => event,
    }),
    accountEvents: t.field({
      type: Event,
      description:
        'The events of one account: `account.transitioned`, and `account.slotsEndangered` with the slots that will fail because its authorization was removed.',
      authScopes: { read: true },
      args: {
        accountId: t.arg.id({ required: true, description: 'The account.' }),
        after: t.arg({ type: 'SafeInt', description: after }),
      },
      subscribe: async (_root, args, context) => {
        const decoded = decodeGlobalId(args.accountId)
        const account = decoded?.name === 'Account' ? await context.load.account.load(decoded.id) : null
        if (!account) throw requestError('BAD_USER_INPUT', 'accountId: not found')
        return subscribeTo(context, args.after, { kind: 'account', accountId: account.id })
      },
      resolve: (event) => event,
    }),
    mediaEvents: t.field({
      type: Event,
      description: 'The `media.*` events: every transition of every media.',
      authScopes: { read: true },
      args: { after: t.arg({ type: 'SafeInt', description: after }) },
      subscribe: (_root, args, context) =>
        subscribeTo(context, args.after, { kind: 'family', family: 'media' }),
      resolve: (event) => event,
    }),
    quotaEvents: t.field({
      type: Event,
      description: 'The `quota.*` events.',
      authScopes: { read: true },
      args: { after: t.arg({ type: 'SafeInt', description: after }) },
      subscribe: (_root, args, context) =>
        subscribeTo(context, args.after, { kind: 'family', family: 'quota' }),
      resolve: (event) => event,
    }),
  }),
})

async function subscribeTo(
  { eventStream, viewer, load, read }: Context,
  after: number | null | undefined,
  filter: EventFilter,
): Promise<EventSubscription> {
  if (after != null && after < 0)
    throw requestError('BAD_USER_INPUT', 'after must be a sequence of at least 0')
  if (after) requireExistingSequence(after, await read((db) => readHead(db, viewer.organizationId)))
  return eventStream.subscribe(viewer.organizationId, {
    after: after ?? null,
    filter,
    keyId: viewer.keyId,
    // Each event resolves the current objects, not those that an earlier event of the subscription loaded.
    onEvent: () => clearLoaders(load),
  })
}
