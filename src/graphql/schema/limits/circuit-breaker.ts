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
  OPEN: {
    value: 'open',
    description: 'No calls are made. Work that needs one waits and consumes no attempt.',
  },
  HALF_OPEN: {
    value: 'halfOpen',
    description: 'One call probes the upstream. All other calls wait for its outcome.',
  },
  RECOVERING: {
    value: 'recovering',
    description:
      'Calls are made at a limited rate that starts at one per second and doubles with success. A failure opens the breaker again.',
  },
  FORCED_OPEN: { value: 'forcedOpen', description: 'A person forced the breaker open. No calls are made.' },
  FORCED_CLOSED: {
    value: 'forcedClosed',
    description: 'A person forced the breaker closed. All calls are made, whatever their outcome.',
  },
} as const
const State = builder.enumType('CircuitBreakerState', {
  description: 'The state of a circuit breaker. `stateMachine(name: "breaker")` describes all states.',
  values: States,
})

const Scope = builder.enumType('CircuitBreakerScope', {
  description: 'Whose failures a circuit breaker counts.',
  values: {
    UPSTREAM: {
      description: 'The failures of an upstream that all organizations share: TikTok or a video provider.',
    },
    ACCOUNT: {
      description:
        'The failures of one TikTok account: its access token is refused, or it is banned from posting.',
    },
  } as const,
})

const Mode = builder.enumType('CircuitBreakerMode', {
  description: 'The mode to force a circuit breaker into.',
  values: {
    OPEN: { value: 'open', description: 'No calls are made until the breaker is released.' },
    CLOSED: { value: 'closed', description: 'All calls are made until the breaker is released.' },
    RELEASE: {
      value: 'release',
      description:
        'The breaker works automatically again. One that was forced open probes and recovers gradually; one that was forced closed stays closed.',
    },
  } as const,
})

const RetryBudget = builder.objectRef<{ readonly available: number }>('RetryBudget').implement({
  description:
    'The number of retries that all processes together may send to an upstream, so that retries do not amplify an outage. Successful calls and time refill it.',
  authScopes: { read: true },
  fields: (t) => ({
    available: t.exposeInt('available', { description: 'The number of retries that can be made now.' }),
    capacity: t.int({
      description: 'The number of retries of a full budget.',
      resolve: () => maxUnits / retryCostUnits,
    }),
  }),
})

const CircuitBreaker = builder.objectRef<BreakerView>('CircuitBreaker').implement({
  description:
    'A circuit breaker shared by all processes. It opens after 5 consecutive failures and probes after one minute.',
  authScopes: { read: true },
  fields: (t) => ({
    key: t.string({
      description:
        "The key of the breaker: `tiktok` for TikTok's API, `tiktok-upload` for its upload host, `video/…` for a video provider, `tiktok/…` for an account.",
      resolve: ({ breaker }) => breaker.record.key,
    }),
    scope: t.field({
      type: Scope,
      description: 'Whose failures the breaker counts.',
      resolve: ({ breaker }) => (breaker.record.accountId === null ? 'UPSTREAM' : 'ACCOUNT'),
    }),
    account: t.field({
      type: Account,
      nullable: true,
      description: 'The account whose failures are counted; null for an upstream.',
      resolve: ({ breaker: { record } }, _args, { load }) =>
        record.accountId === null ? null : load.account.load(record.accountId),
    }),
    state: t.field({
      type: State,
      description: 'The state of the breaker.',
      resolve: ({ breaker }) => stateOf(breaker),
    }),
    consecutiveFailureCount: t.int({
      description: 'The number of consecutive failures.',
      resolve: ({ breaker }) => contextOf(breakerMachine, breaker.checkpoint).failures,
    }),
    openedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When calls were first held back; null while all calls are made.',
      resolve: ({ breaker }) => dateOf(contextOf(breakerMachine, breaker.checkpoint).openedAt),
    }),
    nextProbeAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the next call may probe; null unless the breaker is open automatically.',
      resolve: ({ breaker: { checkpoint } }) =>
        checkpoint.state === 'open' ? dateOf(nextTimer(checkpoint)?.dueAt ?? null) : null,
    }),
    forcedBy: t.field({
      type: ApiKey,
      nullable: true,
      description:
        'The API key that forced the breaker; null if it is not forced, or was not forced by a key of this organization.',
      resolve: ({ breaker }, _args, { load }) => {
        const by = forcedOf(breaker)?.by ?? null
        return by === null ? null : load.apiKey.load(by)
      },
    }),
    forcedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the breaker was forced; null if it is not forced.',
      resolve: ({ breaker }) => dateOf(forcedOf(breaker)?.at ?? null),
    }),
    reason: t.string({
      nullable: true,
      description: 'Why the breaker was forced; null if it is not forced.',
      resolve: ({ breaker }) => forcedOf(breaker)?.reason ?? null,
    }),
    retryBudget: t.field({
      type: RetryBudget,
      nullable: true,
      description:
        "The retry budget; null for an account, whose retries count against its upstream's budget.",
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

/** Far more than upstreams and accounts with failures at one time. */
const maxListed = 500

const viewsOf = ({ breakers, now }: Awaited<ReturnType<typeof readBreakers>>): BreakerView[] =>
  breakers.map((record) => ({ breaker: breakerAt(record, now), at: now }))

builder.queryField('circuitBreakers', (t) =>
  t.field({
    type: [CircuitBreaker],
    description:
      "The circuit breakers of the upstreams that this installation calls, then those of the organization's accounts that have ever failed, open ones first.",
    authScopes: { read: true },
    resolve: async (_root, _args, { viewer, read }) =>
      viewsOf(await read((tx) => listBreakers(tx, viewer.organizationId, maxListed))),
  }),
)

builder.subscriptionField('circuitBreakerEvents', (t) =>
  t.field({
    type: Event,
    description:
      'The `breaker.transitioned` events. The payload has `key`, the states `from` and `to`, and the `reason` if a person forced the breaker. Every organization with a connected account or an unfinished job receives the events of upstreams.',
    authScopes: { read: true },
    args: {
      after: t.arg({
        type: 'SafeInt',
        description:
          'The sequence number of the last event that the client has received. Missed events are delivered first, then new ones. Only new events if omitted.',
      }),
    },
    subscribe: (_root, { after }, { eventStream, viewer: { organizationId, keyId } }) => {
      if (after != null && after < 0) throw requestError('BAD_USER_INPUT', 'after is a sequence, from 0')
      const filter = { kind: 'family', family: 'breaker' } as const
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
    'Forces a circuit breaker open or closed, or releases it. An organization may force the breakers of its own accounts at any time; those of upstreams are shared and can be forced only while it is the only organization of the installation. Requires the admin scope.',
  scope: 'admin',
  errors: [NotPermittedInState],
  input: {
    description: 'Input of `forceCircuitBreaker`.',
    fields: (t) => ({
      key: t.string({ required: true, description: 'The key of the breaker, as in `circuitBreakers`.' }),
      mode: t.field({ type: Mode, required: true, description: 'The mode to force the breaker into.' }),
      reason: t.string({
        required: true,
        description: 'Why the breaker is forced, 1 to 500 characters.',
      }),
    }),
  },
  run: (tx, { key, mode, reason }, { viewer: { organizationId, keyId: by } }) =>
    forceBreaker(tx, { organizationId, key, mode, reason, by }),
  payload: {
    description: 'The result of `forceCircuitBreaker`.',
    fields: (t) => ({
      circuitBreaker: t.field({
        type: CircuitBreaker,
        nullable: true,
        description: 'The breaker after the mutation.',
        resolve: async ({ key }, _args, { read }) =>
          viewsOf(await read((tx) => readBreakers(tx, [breakerKeyOf(key)])))[0],
      }),
    }),
  },
})
