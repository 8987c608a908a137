import type { ForcedMode } from '../../../../machines/breaker.ts'
import { maxUnits, retriesLeft, retryCostUnits } from '../../../../machines/rules/retry-budget.ts'
import { type Breaker, breakerAt, publicStateOf } from '../../../circuit-breaker/breaker.ts'
import { breakerKeyOf, forceBreaker } from '../../../commands/limits/force-breaker.ts'
import { breakerMachine } from '../../../definitions/machines.ts'
import { nextTimer } from '../../../durable/checkpoint.ts'
import { contextOf } from '../../../durable/machine.ts'
import { listBreakers, readBreakers } from '../../../store/breaker/breakers.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import { clearLoaders } from '../../server/loaders.ts'
import { builder } from '../builder.ts'
import { NotPermittedInState, requestError } from '../error.ts'
import { Account, ApiKey, Event } from '../ref.ts'

/** A breaker as it is at the moment `at`, epoch milliseconds of the database. */
interface BreakerView {
  readonly breaker: Breaker
  readonly at: number
}

const States = {
  CLOSED: { value: 'closed', description: 'All calls are made.' },
  OPEN: { value: 'open', description: 'No call is made. What needs one waits, and spends no attempt.' },
  HALF_OPEN: { value: 'halfOpen', description: 'One call probes; all others wait for what it says.' },
  RECOVERING: {
    value: 'recovering',
    description:
      'Calls are made at a pace that doubles with success, from one a second. A failure opens it again.',
  },
  FORCED_OPEN: { value: 'forcedOpen', description: 'A person keeps all calls from being made.' },
  FORCED_CLOSED: {
    value: 'forcedClosed',
    description: 'A person lets all calls be made, whatever they say.',
  },
} as const
const State = builder.enumType('CircuitBreakerState', {
  description: 'What becomes of calls now; `stateMachine(name: "breaker")` tells more.',
  values: States,
})

const Scope = builder.enumType('CircuitBreakerScope', {
  description: 'Whose faults a breaker counts.',
  values: {
    UPSTREAM: { description: 'Those of somebody whom all organizations call: TikTok, or a video provider.' },
    ACCOUNT: {
      description:
        'Those of one TikTok account: its access token is not taken, or it is banned from posting.',
    },
  } as const,
})

const Mode = builder.enumType('CircuitBreakerMode', {
  description: 'What a person makes of a breaker.',
  values: {
    OPEN: { value: 'open', description: 'No call is made until it is released.' },
    CLOSED: { value: 'closed', description: 'All calls are made until it is released.' },
    RELEASE: {
      value: 'release',
      description:
        'It goes its own way again: from being forced open by a probe and a paced recovery, from being forced closed as closed.',
    },
  } as const,
})

const RetryBudget = builder.objectRef<{ readonly available: number }>('RetryBudget').implement({
  description:
    'How many calls to an upstream may be made once more, over all processes, so that its failure is not amplified. Successes refill it, and time.',
  authScopes: { read: true },
  fields: (t) => ({
    available: t.exposeInt('available', { description: 'How many retries could be made now.' }),
    capacity: t.int({
      description: 'How many could be made if none had been made lately.',
      resolve: () => maxUnits / retryCostUnits,
    }),
  }),
})

const CircuitBreaker = builder.objectRef<BreakerView>('CircuitBreaker').implement({
  description:
    'Keeps calls from somebody who fails, for all processes together. It opens after 5 failures in a row; a minute later one call probes.',
  authScopes: { read: true },
  fields: (t) => ({
    key: t.string({
      description:
        'Its name: `tiktok` for TikTok’s API, `tiktok-upload` for its upload host, `video/…` for a video provider, `tiktok/…` for an account.',
      resolve: ({ breaker }) => breaker.record.key,
    }),
    scope: t.field({
      type: Scope,
      description: 'Whose faults it counts.',
      resolve: ({ breaker }) => (breaker.record.accountId === null ? 'UPSTREAM' : 'ACCOUNT'),
    }),
    account: t.field({
      type: Account,
      nullable: true,
      description: 'The account whose faults it counts; null if they are an upstream’s.',
      resolve: ({ breaker: { record } }, _args, { load }) =>
        record.accountId === null ? null : load.account.load(record.accountId),
    }),
    state: t.field({
      type: State,
      description: 'What becomes of calls now.',
      resolve: ({ breaker }) => stateOf(breaker),
    }),
    consecutiveFailureCount: t.int({
      description: 'Failures in a row.',
      resolve: ({ breaker }) => contextOf(breakerMachine, breaker.checkpoint).failures,
    }),
    openedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Since when calls have not gone freely; null while they do.',
      resolve: ({ breaker }) => dateOf(contextOf(breakerMachine, breaker.checkpoint).openedAt),
    }),
    nextProbeAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the next call may probe, while it is open by itself.',
      resolve: ({ breaker: { checkpoint } }) =>
        checkpoint.state === 'open' ? dateOf(nextTimer(checkpoint)?.dueAt ?? null) : null,
    }),
    forcedBy: t.field({
      type: ApiKey,
      nullable: true,
      description: 'The key by which it was forced; null if it was not, or not by one of this organization.',
      resolve: ({ breaker }, _args, { load }) => {
        const by = forcedOf(breaker)?.by ?? null
        return by === null ? null : load.apiKey.load(by)
      },
    }),
    forcedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was forced; null if it was not.',
      resolve: ({ breaker }) => dateOf(forcedOf(breaker)?.at ?? null),
    }),
    reason: t.string({
      nullable: true,
      description: 'Why it was forced; null if it was not.',
      resolve: ({ breaker }) => forcedOf(breaker)?.reason ?? null,
    }),
    retryBudget: t.field({
      type: RetryBudget,
      nullable: true,
      description:
        'What may be tried once more; null of an account, whose calls count towards the upstream’s.',
      resolve: ({ breaker: { record, retryBudget }, at }) =>
        record.accountId === null ? { available: retriesLeft(retryBudget, at) } : null,
    }),
  }),
})

function stateOf({ checkpoint }: Breaker): (typeof States)[keyof typeof States]['value'] {
  const area = publicStateOf(checkpoint.state)
  const state = Object.values(States).find(({ value }) => value === area)
  if (!state) throw new Error(`the breaker machine has no state "${checkpoint.state}"`)
  return state.value
}

function forcedOf(breaker: Breaker): ForcedMode | null {
  return contextOf(breakerMachine, breaker.checkpoint).forced
}

function dateOf(at: number | null): Date | null {
  return at === null ? null : new Date(at)
}

/** Far more than there are upstreams, and accounts in trouble at once. */
const mostListed = 500

const viewsOf = ({ breakers, now }: Awaited<ReturnType<typeof readBreakers>>): BreakerView[] =>
  breakers.map((record) => ({ breaker: breakerAt(record, now), at: now }))

builder.queryField('circuitBreakers', (t) =>
  t.field({
    type: [CircuitBreaker],
    description:
      'The circuit breakers: those of the upstreams that this installation calls, then those of the organization’s accounts that ever failed, the troubled ones first.',
    authScopes: { read: true },
    resolve: async (_root, _args, { viewer, read }) =>
      viewsOf(await read((tx) => listBreakers(tx, viewer.organizationId, mostListed))),
  }),
)

builder.subscriptionField('circuitBreakerEvents', (t) =>
  t.field({
    type: Event,
    description:
      'What happens to circuit breakers: `breaker.transitioned`, with its `key`, the states `from` and `to`, and the `reason` if a person did it. Those of upstreams are told to every organization that has a connected account or work to do.',
    authScopes: { read: true },
    args: {
      after: t.arg({
        type: 'SafeInt',
        description:
          'The sequence of the last event seen: what happened since comes first, then all that happens. From now on if left out.',
      }),
    },
    subscribe: (_root, { after }, { eventStream, viewer: { organizationId, keyId } }) => {
      if (after != null && after < 0) throw requestError('BAD_USER_INPUT', 'after is a sequence, from 0')
      const filter = { kind: 'family', prefix: 'breaker.' } as const
      return eventStream.subscribe(organizationId, { after: after ?? null, filter, keyId })
    },
    resolve: (event, _args, { load }) => {
      // What an event names is shown as it is now, not as an earlier event of this subscription found it.
      clearLoaders(load)
      return event
    },
  }),
)

defineMutation('forceCircuitBreaker', {
  description:
    'Holds a circuit breaker open or closed, or lets go of it. Takes the admin scope. The breakers of its own accounts an organization may always force, also before they ever failed; those of upstreams, which all organizations share, only while it is the only one of this installation.',
  scope: 'admin',
  errors: [NotPermittedInState],
  input: {
    description: 'What to make of a circuit breaker, and why.',
    fields: (t) => ({
      key: t.string({ required: true, description: 'Its name, as `circuitBreakers` shows it.' }),
      mode: t.field({ type: Mode, required: true, description: 'What to make of it.' }),
      reason: t.string({
        required: true,
        description: 'Why, for whoever wonders later, in 1 to 500 characters.',
      }),
    }),
  },
  run: (tx, { key, mode, reason }, { viewer: { organizationId, keyId: by } }) =>
    forceBreaker(tx, { organizationId, key, mode, reason, by }),
  payload: {
    description: 'The breaker that was forced or released.',
    fields: (t) => ({
      circuitBreaker: t.field({
        type: CircuitBreaker,
        nullable: true,
        description: 'The breaker as it is now.',
        resolve: async ({ key }, _args, { read }) =>
          viewsOf(await read((tx) => readBreakers(tx, [breakerKeyOf(key)])))[0],
      }),
    }),
  },
})
