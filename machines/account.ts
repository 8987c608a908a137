import { assign, setup } from 'xstate'
import {
  deferral,
  type Failure,
  failureOf,
  retryRecord,
  type StepError,
  stepErrorOf,
} from './rules/failure.ts'
import { waitMs } from './rules/retry.ts'
import { eventTime, step } from './step.ts'

/** Time limit from the authorize page to the callback. */
export const connectingMs = 15 * 60_000
/** An idle connection is refreshed when this fraction of its lifetime is left, before TikTok ends it. */
const keepAliveFraction = 1 / 6

/** Expiry of the tokens in the vault, epoch milliseconds. The tokens themselves are never part of a checkpoint. */
export interface Expiry {
  /** Rises with every token pair. Events about an older pair are ignored. */
  readonly version: number
  readonly accessExpiresAt: number
  readonly refreshExpiresAt: number
}

export interface AccountContext extends Expiry {
  readonly accountId: string
  /** When the current grant was given, epoch milliseconds. TikTok's webhooks about an older one are ignored. */
  readonly authorizedAt: number
  /** The latest pair whose access token was refused before its expiry. If the next one is refused too, the grant is gone. */
  readonly refusedVersion: number
  /** Consecutive failed refreshes, and the delay that TikTok requested. */
  readonly attempts: number
  readonly afterSeconds: number
  readonly failure: Failure | null
}

export interface AccountInput {
  readonly accountId: string
}

export type AccountEvent =
  /** The creator granted access; the tokens are in the vault. */
  | ({ readonly type: 'authorized' } & Expiry)
  /** The creator declined, or the callback reported an error. */
  | { readonly type: 'declined'; readonly failure: Failure }
  /** A job needs a token that outlasts this pair's. */
  | { readonly type: 'refresh'; readonly version: number }
  /** TikTok refused this pair's access token before its expiry. */
  | { readonly type: 'accessRefused'; readonly version: number }
  /** TikTok reports that the grant was revoked or the account is gone. */
  | { readonly type: 'authorizationRemoved'; readonly createdAt: number; readonly failure: Failure }
  /** A user of Reelpilot disconnects the account. */
  | { readonly type: 'disconnect' }

const accountSteps = {
  /** Presents the refresh token once and stores the new pair in the vault before it is used. */
  refreshTokens: step<
    { readonly accountId: string; readonly version: number; readonly attempts: number },
    Expiry
  >(),
  /** Revokes the grant at TikTok and empties the vault whatever TikTok answers. */
  revokeTokens: step<{ readonly accountId: string }>(),
}

const accountSetup = setup({
  types: {
    context: {} as AccountContext,
    events: {} as AccountEvent,
    input: {} as AccountInput,
    tags: {} as 'working' | 'waiting' | 'resting',
  },
  actors: accountSteps,
  delays: {
    connecting: connectingMs,
    backoff: ({ context, event }) => waitMs(context.accountId, context, event),
    keepAlive: ({ context, event }) =>
      Math.max(60_000, (context.refreshExpiresAt - eventTime(event)) * (1 - keepAliveFraction)),
  },
  guards: {
    isError: ({ event }, kind: StepError['kind']) => 'error' in event && stepErrorOf(event).kind === kind,
    isCurrentPair: ({ context, event }) => 'version' in event && event.version === context.version,
    wasPreviousPairRefused: ({ context, event }) =>
      'version' in event &&
      event.version === context.version &&
      context.refusedVersion > 0 &&
      context.refusedVersion === context.version - 1,
    /** TikTok reports whole seconds. */
    isCurrentGrant: ({ context, event }) =>
      'createdAt' in event && event.createdAt >= Math.floor(context.authorizedAt / 1_000) * 1_000,
    isGrantOver: ({ context, event }) => eventTime(event) >= context.refreshExpiresAt,
  },
  actions: {
    recordExpiry: assign(({ event }) => {
      const { version, accessExpiresAt, refreshExpiresAt } = expiryOf(event)
      return { version, accessExpiresAt, refreshExpiresAt, attempts: 0, afterSeconds: 0, failure: null }
    }),
    recordAuthorization: assign(({ event }) => ({ authorizedAt: eventTime(event), refusedVersion: 0 })),
    /** The next use of the pair refreshes it. */
    expireAccessToken: assign(({ context, event }) => ({
      refusedVersion: context.version,
      accessExpiresAt: eventTime(event),
    })),
    recordRetry: assign(({ context, event }) => retryRecord(context, event)),
    defer: assign(({ event }) => deferral(event)),
    recordFailure: assign(({ event }) => ({
      failure: 'failure' in event ? event.failure : failureOf(stepErrorOf(event)),
    })),
    setFailure: assign((_, failure: Failure) => ({ failure })),
    expireTokens: assign(({ event }) => ({
      accessExpiresAt: eventTime(event),
      refreshExpiresAt: eventTime(event),
    })),
    clearFailure: assign({ failure: null, attempts: 0, afterSeconds: 0 }),
  },
})

function expiryOf(event: object): Expiry {
  return ('output' in event ? event.output : event) as Expiry
}

const connectionExpired = {
  verdict: 'NEEDS_USER',
  code: 'CONNECTION_EXPIRED',
  message: 'The authorization was not completed within 15 minutes. Connect the account again.',
} as const
const tokenRefused = {
  verdict: 'NEEDS_USER',
  code: 'access_token_invalid',
  source: 'api',
  message: 'TikTok refused two fresh access tokens in a row.',
} as const

/** Accepted in every state with a grant, or after one. */
const always = {
  authorized: { target: '#account.connected', actions: ['recordExpiry', 'recordAuthorization'] },
  authorizationRemoved: {
    guard: 'isCurrentGrant',
    target: '#account.revoked',
    actions: ['recordFailure', 'expireTokens'],
  },
  disconnect: { target: '#account.disconnecting' },
} as const

/**
 * A connection to a creator's TikTok account. TikTok accepts a refresh token once: the step presents it under the account's
 * lease and stores the new pair before it is used. Failures are retried for as long as the grant lives; only TikTok's
 * refusal, or a response lost after the token was presented, ends in `needsReauthorization`.
 */
export const accountLogic = accountSetup.createMachine({
  id: 'account',
  context: ({ input }) => ({
    accountId: input.accountId,
    authorizedAt: 0,
    version: 0,
    accessExpiresAt: 0,
    refreshExpiresAt: 0,
    refusedVersion: 0,
    attempts: 0,
    afterSeconds: 0,
    failure: null,
  }),
  initial: 'connecting',
  states: {
    /** The creator is at TikTok's authorize page. */
    connecting: {
      tags: 'waiting',
      after: {
        connecting: { target: 'disconnected', actions: { type: 'setFailure', params: connectionExpired } },
      },
      on: {
        authorized: always.authorized,
        declined: { target: 'disconnected', actions: 'recordFailure' },
        disconnect: 'disconnected',
      },
    },
    connected: {
      tags: 'waiting',
      after: { keepAlive: 'refreshing' },
      on: {
        ...always,
        refresh: { guard: 'isCurrentPair', target: 'refreshing' },
        accessRefused: [
          {
            guard: 'wasPreviousPairRefused',
            target: 'needsReauthorization',
            actions: ['expireTokens', { type: 'setFailure', params: tokenRefused }],
          },
          { guard: 'isCurrentPair', target: 'refreshing', actions: 'expireAccessToken' },
        ],
      },
    },
    refreshing: {
      initial: 'requesting',
      on: always,
      states: {
        requesting: {
          tags: 'working',
          invoke: {
            id: 'refreshTokens',
            src: 'refreshTokens',
            input: ({ context }) => ({
              accountId: context.accountId,
              version: context.version,
              attempts: context.attempts,
            }),
            onDone: { target: '#account.connected', actions: 'recordExpiry' },
            onError: [
              // A transient failure of TikTok or the network never disconnects an account.
              { guard: { type: 'isError', params: 'retry' }, target: 'backingOff', actions: 'recordRetry' },
              { guard: { type: 'isError', params: 'deferred' }, target: 'backingOff', actions: 'defer' },
              {
                guard: { type: 'isError', params: 'exhausted' },
                target: 'backingOff',
                actions: 'recordRetry',
              },
              { target: '#account.needsReauthorization', actions: 'recordFailure' },
            ],
          },
        },
        backingOff: {
          tags: 'waiting',
          after: {
            backoff: [
              { guard: 'isGrantOver', target: '#account.needsReauthorization' },
              { target: 'requesting' },
            ],
          },
        },
      },
    },
    /** Only the creator can continue. Jobs that are posting still use an access token that has time left. */
    needsReauthorization: { tags: 'resting', on: always },
    /** The creator or TikTok revoked the grant. */
    revoked: { tags: 'resting', on: { authorized: always.authorized, disconnect: 'disconnected' } },
    disconnecting: {
      initial: 'revoking',
      states: {
        revoking: {
          tags: 'working',
          invoke: {
            id: 'revokeTokens',
            src: 'revokeTokens',
            input: ({ context }) => ({ accountId: context.accountId }),
            onDone: { target: '#account.disconnected', actions: ['clearFailure', 'expireTokens'] },
            onError: [
              { guard: { type: 'isError', params: 'deferred' }, target: 'backingOff', actions: 'defer' },
              { target: 'backingOff', actions: 'recordRetry' },
            ],
          },
        },
        backingOff: { tags: 'waiting', after: { backoff: 'revoking' } },
      },
    },
    /** The history stays, and the account can be connected again. */
    disconnected: { tags: 'resting', on: { authorized: always.authorized } },
  },
})
