import type { AccountHealth as HealthFacts } from '../../../../machines/rules/account-health.ts'
import type { AccountRecord } from '../../../store/account/accounts.ts'
import { nextStepFor } from '../../../verdict/failure-verdict.ts'
import type { Context } from '../../server/context.ts'
import { builder } from '../builder.ts'
import { pageSizeOf } from '../connection.ts'
import { Failure } from '../failure.ts'
import { Account, Slot } from '../ref.ts'
import { maxUpcomingSlots, type SlotAtRisk as SlotAtRiskRecord, slotsAtRisk } from './account-view.ts'

interface Health extends HealthFacts {
  readonly account: AccountRecord
}

const HealthStatus = builder.enumType('AccountHealthStatus', {
  description: 'Whether posts can be published for an account.',
  values: {
    HEALTHY: { value: 'healthy', description: 'Posts can be published, and no end is known.' },
    RENEWAL_FAILING: {
      value: 'renewalFailing',
      description:
        'Posts can be published until `postingEndsAt`, but refreshing the token fails. It is retried automatically.',
    },
    PERMISSION_MISSING: {
      value: 'permissionMissing',
      description: 'The account is connected, but its creator has not granted the scope to post.',
    },
    ENCRYPTION_KEY_MISSING: {
      value: 'keyMissing',
      description:
        "Posts cannot be published: this installation lacks the key that encrypts the account's tokens. The operator must restore it.",
    },
    BROKEN: {
      value: 'broken',
      description: 'The connection is lost. Uploads that have begun may finish until `postingEndsAt`.',
    },
    NOT_CONNECTED: { value: 'notConnected', description: 'The creator has not granted access yet.' },
  } as const,
})

const SlotAtRisk = builder.objectRef<SlotAtRiskRecord>('SlotAtRisk').implement({
  description: 'A slot whose post will fail unless someone acts.',
  authScopes: { read: true },
  fields: (t) => ({
    slot: t.field({
      type: Slot,
      nullable: true,
      description: 'The slot; null if it was removed meanwhile.',
      resolve: ({ slotId }, _args, { load }) => load.slot.load(slotId),
    }),
    failsAt: t.expose('failsAt', {
      type: 'DateTime',
      description:
        'When the post is due and cannot be published. In the past if its job already waits for the account.',
    }),
    failure: t.expose('failure', { type: Failure, description: 'Why the post cannot be published.' }),
  }),
})

const AccountHealth = builder.objectRef<Health>('AccountHealth').implement({
  description: 'Whether posts can be published for an account, until when, and which slots are affected.',
  authScopes: { read: true },
  fields: (t) => ({
    status: t.expose('status', { type: HealthStatus, description: 'The health of the account.' }),
    postingEndsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When publishing stops working unless someone acts; null if no end is known.',
      resolve: ({ postingEndsAt }) => (postingEndsAt === null ? null : new Date(postingEndsAt)),
    }),
    failure: t.expose('failure', {
      type: Failure,
      nullable: true,
      description: 'What is wrong; null if nothing is known to be wrong.',
    }),
    nextStep: t.string({
      nullable: true,
      description: 'What a person should do about it; null if nothing needs to be done.',
      resolve: nextStepOf,
    }),
    slotsAtRisk: t.field({
      type: [SlotAtRisk],
      description: 'The slots that will fail unless someone acts, earliest first.',
      args: {
        first: t.arg.int({
          defaultValue: 20,
          description: 'The number of slots, from the front. Default: 20. Maximum: 100.',
        }),
      },
      resolve: async (health, args, context) => (await risksOf(health, context)).slice(0, pageSizeOf(args)),
    }),
    slotsAtRiskCount: t.int({
      description: `The number of slots at risk among the next ${maxUpcomingSlots} slots of the account.`,
      resolve: async (health, _args, context) => (await risksOf(health, context)).length,
    }),
  }),
})

builder.objectField(Account, 'health', (t) =>
  t.field({
    type: AccountHealth,
    description: 'Whether posts can be published for the account, and which slots are at risk.',
    resolve: async (account, _args, { load }) => ({ ...(await load.accountHealth.load(account)), account }),
  }),
)

async function risksOf(health: Health, { load }: Context): Promise<readonly SlotAtRiskRecord[]> {
  const { account } = health
  return slotsAtRisk(account, health, await load.upcomingSlots.load(account.id))
}

function nextStepOf({ status, failure }: Health): string | null {
  if (status === 'healthy') return null
  if (failure) return nextStepFor(failure)
  if (status === 'notConnected')
    return 'The creator opens the `authorizeUrl` that `connectAccount` answered, and grants access there.'
  return nextStepFor({ verdict: 'NEEDS_USER', code: 'ACCOUNT_NOT_CONNECTED' })
}
