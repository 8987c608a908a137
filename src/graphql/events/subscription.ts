import { type EventFilter, type EventRecord, readHead } from '../../store/event/read.ts'
import { builder } from '../schema/builder.ts'
import { requireExistingSequence } from '../schema/connection.ts'
import { requestError } from '../schema/error.ts'
import { decodeGlobalId } from '../schema/global-id.ts'
import { Event } from '../schema/ref.ts'
import type { Context } from '../server/context.ts'
import { clearLoaders } from '../server/loaders.ts'

const after =
  'The sequence of the last event seen: what happened since comes first, then all that happens. From now on if left out; refused if there is no such number yet.'

builder.subscriptionType({
  description:
    'Events as they happen: each once, in order, without a gap, also after a reconnect with `after`.',
  authScopes: { read: true },
  fields: (t) => ({
    events: t.field({
      type: Event,
      description: 'Everything that happens in the organization.',
      authScopes: { read: true },
      args: { after: t.arg({ type: 'SafeInt', description: after }) },
      subscribe: (_root, args, context) => follow(context, args.after, { kind: 'all' }),
      resolve: (event) => event,
    }),
    jobEvents: t.field({
      type: Event,
      description: 'What happens to one job, until it has ended and for as long as you listen.',
      authScopes: { read: true },
      args: {
        jobId: t.arg.id({ required: true, description: 'The job.' }),
        after: t.arg({ type: 'SafeInt', description: after }),
      },
      subscribe: async (_root, args, context) => {
        const decoded = decodeGlobalId(args.jobId)
        const job = decoded?.name === 'Job' ? await context.load.job.load(decoded.id) : null
        if (!job) throw requestError('BAD_USER_INPUT', 'jobId: there is no such job')
        return follow(context, args.after, { kind: 'job', jobId: job.id })
      },
      resolve: (event) => event,
    }),
    planEvents: t.field({
      type: Event,
      description: 'What happens to one plan, its slots and their jobs.',
      authScopes: { read: true },
      args: {
        planId: t.arg.id({ required: true, description: 'The plan.' }),
        after: t.arg({ type: 'SafeInt', description: after }),
      },
      subscribe: async (_root, args, context) => {
        const decoded = decodeGlobalId(args.planId)
        const plan = decoded?.name === 'Plan' ? await context.load.plan.load(decoded.id) : null
        if (!plan) throw requestError('BAD_USER_INPUT', 'planId: there is no such plan')
        return follow(context, args.after, { kind: 'plan', planId: plan.id })
      },
      resolve: (event) => event,
    }),
    accountEvents: t.field({
      type: Event,
      description:
        'What happens to one account: `account.transitioned`, and `account.slotsEndangered` with the slots that its loss endangers.',
      authScopes: { read: true },
      args: {
        accountId: t.arg.id({ required: true, description: 'The account.' }),
        after: t.arg({ type: 'SafeInt', description: after }),
      },
      subscribe: async (_root, args, context) => {
        const decoded = decodeGlobalId(args.accountId)
        const account = decoded?.name === 'Account' ? await context.load.account.load(decoded.id) : null
        if (!account) throw requestError('BAD_USER_INPUT', 'accountId: there is no such account')
        const filter = { kind: 'family', prefix: 'account.' } as const
        return follow(context, args.after, filter, ({ accountId }) => accountId === account.id)
      },
      resolve: (event) => event,
    }),
    quotaEvents: t.field({
      type: Event,
      description: 'What happens to quotas.',
      authScopes: { read: true },
      args: { after: t.arg({ type: 'SafeInt', description: after }) },
      subscribe: (_root, args, context) => follow(context, args.after, { kind: 'family', prefix: 'quota.' }),
      resolve: (event) => event,
    }),
  }),
})

async function follow(
  { eventStream, viewer, load, read }: Context,
  after: number | null | undefined,
  filter: EventFilter,
  passes: (event: EventRecord) => boolean = () => true,
): Promise<AsyncIterableIterator<EventRecord>> {
  if (after != null && after < 0) throw requestError('BAD_USER_INPUT', 'after is a sequence, from 0')
  if (after) requireExistingSequence(after, await read((tx) => readHead(tx, viewer.organizationId)))
  const events = eventStream.subscribe(viewer.organizationId, {
    after: after ?? null,
    filter,
    keyId: viewer.keyId,
  })
  const { next } = events
  const followed: AsyncIterableIterator<EventRecord> = {
    ...events,
    next: async () => {
      let result = await next.call(events)
      while (!result.done && !passes(result.value)) result = await next.call(events)
      // What an event names is shown as it is now, not as an earlier event of this subscription found it.
      clearLoaders(load)
      return result
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
  return followed
}
