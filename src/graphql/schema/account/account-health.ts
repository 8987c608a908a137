import type { AccountHealth as HealthFacts } from '../../../../machines/rules/account-health.ts'
import type { AccountRecord } from '../../../store/account/accounts.ts'
import { nextStepFor } from '../../../verdict/failure-verdict.ts'
import type { Context } from '../../server/context.ts'
import { builder } from '../builder.ts'
import { pageSizeOf } from '../connection.ts'
import { Failure } from '../failure.ts'
import { Account, Slot } from '../ref.ts'
import { mostComingSlots, type SlotAtRisk as SlotAtRiskRecord, slotsAtRisk } from './account-view.ts'

interface Health extends HealthFacts {
  readonly account: AccountRecord
}

const HealthStatus = builder.enumType('AccountHealthStatus', {
  description: 'Whether posts can be made for an account, and for how long.',
  values: {
    HEALTHY: { value: 'healthy', description: 'They can, with no end in sight.' },
    RENEWAL_FAILING: {
      value: 'renewalFailing',
      description: 'They can for now, but the connection could not be renewed so far. It is tried again.',
    },
    PERMISSION_MISSING: {
      value: 'permissionMissing',
      description: 'It is connected, but its creator has not granted the permission to post.',
    },
    ENCRYPTION_KEY_MISSING: {
      value: 'keyMissing',
      description:
        'They cannot: this installation lacks the key that its tokens are sealed under. The operator puts it back.',
    },
    BROKEN: {
      value: 'broken',
      description: 'The connection is gone. What was begun may be finished until `postingEndsAt`.',
    },
    NOT_CONNECTED: { value: 'notConnected', description: 'Its creator has not granted access yet.' },
  } as const,
})

const SlotAtRisk = builder.objectRef<SlotAtRiskRecord>('SlotAtRisk').implement({
  description: 'A slot whose post will not be made, unless somebody acts.',
  authScopes: { read: true },
  fields: (t) => ({
    slot: t.field({
      type: Slot,
      nullable: true,
      description: 'The slot; null if it was removed at this very moment.',
      resolve: ({ slotId }, _args, { load }) => load.slot.load(slotId),
    }),
    failsAt: t.expose('failsAt', {
      type: 'DateTime',
      description: 'When its post is due and cannot be made. In the past if its job waits for that already.',
    }),
    failure: t.expose('failure', { type: Failure, description: 'Why it cannot be made.' }),
  }),
})

const AccountHealth = builder.objectRef<Health>('AccountHealth').implement({
  description: 'Whether posts can be made for an account, until when, and what comes of it if nobody acts.',
  authScopes: { read: true },
  fields: (t) => ({
    status: t.expose('status', { type: HealthStatus, description: 'How it stands.' }),
    postingEndsAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until when posts can be made if nobody acts; null if there is no end in sight.',
      resolve: ({ postingEndsAt }) => (postingEndsAt === null ? null : new Date(postingEndsAt)),
    }),
    failure: t.expose('failure', {
      type: Failure,
      nullable: true,
      description: 'What is wrong; null if nothing is known to be.',
    }),
    nextStep: t.string({
      nullable: true,
      description: 'What a person does about it, in plain words; null if there is nothing to do.',
      resolve: nextStepOf,
    }),
    slotsAtRisk: t.field({
      type: [SlotAtRisk],
      description: 'Which slots will fail if nobody acts, the earliest first.',
      args: {
        first: t.arg.int({ defaultValue: 20, description: 'How many, from the front; at most 100.' }),
      },
      resolve: async (health, args, context) => (await risksOf(health, context)).slice(0, pageSizeOf(args)),
    }),
    slotsAtRiskCount: t.int({
      description: `How many they are; only the next ${mostComingSlots} slots of an account are looked at.`,
      resolve: async (health, _args, context) => (await risksOf(health, context)).length,
    }),
  }),
})

builder.objectField(Account, 'health', (t) =>
  t.field({
    type: AccountHealth,
    description: 'Whether posts can be made for it, and which slots will fail if nobody acts.',
    resolve: async (account, _args, { load }) => ({ ...(await load.accountHealth.load(account)), account }),
  }),
)

async function risksOf(health: Health, { load }: Context): Promise<readonly SlotAtRiskRecord[]> {
  const { account } = health
  return slotsAtRisk(account, health, await load.comingSlots.load(account.id))
}

function nextStepOf({ status, failure }: Health): string | null {
  if (status === 'healthy') return null
  if (failure) return nextStepFor(failure)
  if (status === 'notConnected')
    return 'The creator opens the `authorizeUrl` that `connectAccount` answered, and grants access there.'
  return nextStepFor({ verdict: 'NEEDS_USER', code: 'ACCOUNT_NOT_CONNECTED' })
}
