import { assign, setup } from 'xstate'
import { eventTime } from './step.ts'

/** Consecutive failures that open the breaker. */
export const failureThreshold = 5
/**
 * How long a breaker stays open. It does not grow with failed probes: one call a minute from the whole installation is no
 * load, and every further minute would delay each waiting post by a minute.
 */
export const defaultOpenMs = 60_000
/** Cap on the time that an upstream's `Retry-After` keeps the breaker open. */
export const maxOpenMs = 600_000
/**
 * Rates of recovery in calls per second. As many successes as a rate has calls lead to the next rate; after the last rate the
 * breaker closes.
 */
export const recoveryRates: readonly number[] = [1, 2, 4, 8, 16]
/** With few calls, this time without a failure also closes the breaker. It is longer than any call may take. */
export const recoveryMs = 60_000

/** Who forced the breaker, and why; `at` in epoch milliseconds. */
export interface ForcedMode {
  readonly by: string | null
  readonly reason: string
  readonly at: number
}

export interface BreakerContext {
  /** Consecutive failures, including failed probes. */
  readonly failures: number
  /** When it left `closed`, epoch milliseconds; null while closed. */
  readonly openedAt: number | null
  readonly openMs: number
  /** Rises when the breaker opens or is forced. Outcomes of calls permitted under an older epoch are ignored. */
  readonly epoch: number
  /** The single probe; a lost one expires after `timeoutMs`. */
  readonly probe: { readonly permit: string; readonly timeoutMs: number } | null
  /** Recovery: the index of the current rate, the successes at it, and when the next call is allowed (epoch milliseconds). */
  readonly rateIndex: number
  readonly successes: number
  readonly nextAllowedAt: number
  readonly forced: ForcedMode | null
}

export type BreakerEvent =
  /** Requests a permit. The outcome follows within `timeoutMs` unless the process dies. */
  | { readonly type: 'call'; readonly permit: string; readonly timeoutMs: number }
  /** The outcome of a call. `epoch` is the one under which it was permitted. */
  | { readonly type: 'succeeded'; readonly permit: string; readonly epoch: number }
  | {
      readonly type: 'failed'
      readonly permit: string
      readonly epoch: number
      /** The upstream's `Retry-After`. */
      readonly afterSeconds?: number
    }
  /** A permitted call was not made. */
  | { readonly type: 'abandoned'; readonly permit: string }
  | { readonly type: 'forceOpen' | 'forceClosed'; readonly by: string | null; readonly reason: string }
  | { readonly type: 'release' }

const breakerSetup = setup({
  types: {
    context: {} as BreakerContext,
    events: {} as BreakerEvent,
    tags: {} as 'waiting' | 'resting',
  },
  delays: {
    openPeriod: ({ context }) => context.openMs,
    probe: ({ context }) => context.probe?.timeoutMs ?? 0,
    recovery: recoveryMs,
  },
  guards: {
    isCurrent: ({ context, event }) => 'epoch' in event && event.epoch === context.epoch,
    reachesThreshold: ({ context, event }) =>
      'epoch' in event && event.epoch === context.epoch && context.failures + 1 >= failureThreshold,
    isProbe: ({ context, event }) => 'permit' in event && event.permit === context.probe?.permit,
    isCallAllowed: ({ context, event }) => eventTime(event) >= context.nextAllowedAt,
    isLastSuccess: ({ context, event }) =>
      'epoch' in event &&
      event.epoch === context.epoch &&
      context.rateIndex === recoveryRates.length - 1 &&
      context.successes + 1 >= currentRate(context),
  },
  actions: {
    /** Changes nothing. Without an action XState would ignore the event. */
    permit: assign({}),
    open: assign(({ context, event }) => ({
      failures: context.failures + 1,
      openedAt: context.openedAt ?? eventTime(event),
      openMs: Math.min(maxOpenMs, Math.max(defaultOpenMs, retryAfterMs(event))),
      epoch: context.epoch + 1,
    })),
    close: assign({ failures: 0, openedAt: null, rateIndex: 0, successes: 0, nextAllowedAt: 0 }),
    startRecovery: assign({ failures: 0, rateIndex: 0, successes: 0, nextAllowedAt: 0 }),
    reserveNextCall: assign(({ context, event }) => ({
      nextAllowedAt: eventTime(event) + 1_000 / currentRate(context),
    })),
    countSuccess: assign(({ context }) =>
      context.successes + 1 < currentRate(context)
        ? { successes: context.successes + 1 }
        : { rateIndex: context.rateIndex + 1, successes: 0 },
    ),
    force: assign(({ context, event }) =>
      'reason' in event
        ? { forced: { by: event.by, reason: event.reason, at: eventTime(event) }, epoch: context.epoch + 1 }
        : {},
    ),
    release: assign({ forced: null, failures: 0 }),
  },
})

function currentRate({ rateIndex }: BreakerContext): number {
  return recoveryRates[rateIndex] ?? 1
}

function retryAfterMs(event: object): number {
  return 'afterSeconds' in event && typeof event.afterSeconds === 'number' ? event.afterSeconds * 1_000 : 0
}

/**
 * A circuit breaker that all processes share. A `call` event requests a permit, which is refused or accepted; the outcome of
 * the call is sent afterwards.
 */
export const breakerLogic = breakerSetup.createMachine({
  id: 'breaker',
  context: {
    failures: 0,
    openedAt: null,
    openMs: defaultOpenMs,
    epoch: 1,
    probe: null,
    rateIndex: 0,
    successes: 0,
    nextAllowedAt: 0,
    forced: null,
  },
  initial: 'closed',
  on: {
    forceOpen: {
      target: '.forcedOpen',
      actions: ['force', assign({ openedAt: ({ context, event }) => context.openedAt ?? eventTime(event) })],
    },
    forceClosed: { target: '.forcedClosed', actions: ['force', 'close'] },
  },
  states: {
    /** All calls are permitted. */
    closed: {
      tags: 'resting',
      on: {
        call: { actions: 'permit' },
        succeeded: { guard: 'isCurrent', actions: assign({ failures: 0 }) },
        failed: [
          { guard: 'reachesThreshold', target: 'open', actions: 'open' },
          { guard: 'isCurrent', actions: assign({ failures: ({ context }) => context.failures + 1 }) },
        ],
      },
    },
    /** No call is permitted. */
    open: { tags: 'waiting', after: { openPeriod: 'halfOpen' } },
    /** One probe is permitted; other calls are refused until its outcome. */
    halfOpen: {
      initial: 'ready',
      states: {
        ready: {
          tags: 'resting',
          on: {
            call: {
              target: 'probing',
              actions: assign({ probe: ({ event: { permit, timeoutMs } }) => ({ permit, timeoutMs }) }),
            },
          },
        },
        probing: {
          tags: 'waiting',
          exit: assign({ probe: null }),
          after: { probe: 'ready' },
          on: {
            succeeded: { guard: 'isProbe', target: '#breaker.recovering', actions: 'startRecovery' },
            failed: { guard: 'isProbe', target: '#breaker.open', actions: 'open' },
            abandoned: { guard: 'isProbe', target: 'ready' },
          },
        },
      },
    },
    /** Calls are permitted at a rate that grows with success. One failure opens the breaker again. */
    recovering: {
      tags: 'waiting',
      after: { recovery: { target: 'closed', actions: 'close' } },
      on: {
        call: { guard: 'isCallAllowed', actions: 'reserveNextCall' },
        succeeded: [
          { guard: 'isLastSuccess', target: 'closed', actions: 'close' },
          { guard: 'isCurrent', actions: 'countSuccess' },
        ],
        failed: { guard: 'isCurrent', target: 'open', actions: 'open' },
      },
    },
    /** No call is permitted until a person releases the breaker. A probe follows, because many calls may be waiting. */
    forcedOpen: { tags: 'resting', on: { release: { target: 'halfOpen', actions: 'release' } } },
    /** All calls are permitted, whatever their outcome, until a person releases the breaker. */
    forcedClosed: {
      tags: 'resting',
      on: {
        call: { actions: 'permit' },
        release: { target: 'closed', actions: 'release' },
      },
    },
  },
})
