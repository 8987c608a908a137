import { assign, setup } from 'xstate'
import { eventTime } from './step.ts'

/** So many failures in a row open it. */
export const failureThreshold = 5
/**
 * How long an open breaker leaves the upstream alone. It does not grow with failed probes: one call a minute from the whole
 * installation burdens nobody, and every minute more would be a minute's delay for each post that waits.
 */
export const defaultOpenMs = 60_000
/** Longer only if the upstream itself asked for it, and never longer than this. */
export const maxOpenMs = 600_000
/** The paces of recovery, in calls a second. As many successes as a pace has calls lead on to the next; the last one closes. */
export const recoveryRates: readonly number[] = [1, 2, 4, 8, 16]
/** Where few call, so much time without a failure closes it too: longer than a call may take, so that each was heard. */
export const recoveryMs = 60_000

/** Who has forced it, and why; `at` in epoch milliseconds. */
export interface ForcedMode {
  readonly by: string | null
  readonly reason: string
  readonly at: number
}

export interface BreakerContext {
  /** Failures in a row; a failed probe is one more. */
  readonly failures: number
  /** When it was closed for the last time, epoch milliseconds; null while it is. */
  readonly openedAt: number | null
  readonly openMs: number
  /** Rises whenever it opens or is forced: a call that was let through before says nothing of now. */
  readonly epoch: number
  /** The one call that probes: a lost one frees its place after `timeoutMs`. */
  readonly probe: { readonly permit: string; readonly timeoutMs: number } | null
  /** Of recovery: which of the paces, how many successes at it, and when the next call may go. */
  readonly rateIndex: number
  readonly successes: number
  readonly nextAllowedAt: number
  readonly forced: ForcedMode | null
}

export type BreakerEvent =
  /** A call asks to be let through; its outcome comes within `timeoutMs`, unless its process is lost. */
  | { readonly type: 'call'; readonly permit: string; readonly timeoutMs: number }
  /** What a call said of the upstream. `epoch` is that under which it was let through. */
  | { readonly type: 'succeeded'; readonly permit: string; readonly epoch: number }
  | {
      readonly type: 'failed'
      readonly permit: string
      readonly epoch: number
      /** How long the upstream asked to be left alone. */
      readonly afterSeconds?: number
    }
  /** A call that was let through was not made after all. */
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
    /** Accepted, and nothing changes: XState would ignore an event without any action. */
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
 * A circuit breaker that all processes share. It performs nothing: a call that it refuses is not made, a call that it
 * accepts is, and what the call said is sent to it afterwards.
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
    /** All calls go. */
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
    /** No call goes. */
    open: { tags: 'waiting', after: { openPeriod: 'halfOpen' } },
    /** One call goes, and the others wait for what it says. */
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
    /** Calls go at a pace that grows with each success. One failure opens it again. */
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
    /** No call goes until a person releases it; then it proves itself by a probe, for much may have waited. */
    forcedOpen: { tags: 'resting', on: { release: { target: 'halfOpen', actions: 'release' } } },
    /** All calls go, whatever they say, until a person releases it. */
    forcedClosed: {
      tags: 'resting',
      on: {
        call: { actions: 'permit' },
        release: { target: 'closed', actions: 'release' },
      },
    },
  },
})
