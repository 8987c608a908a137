import { describe, expect, it } from 'vitest'
import { accountMachine } from '../../src/definitions/machines.ts'
import { leafPaths } from '../../src/durable/machine.ts'
import { day, Walk } from './walk.ts'

const failure = { verdict: 'RETRY_AFTER', code: 'x', message: 'x' } as const
const removed = (createdAt: number) => ({
  type: 'authorizationRemoved',
  createdAt,
  failure,
})

class AccountWalk extends Walk {
  constructor() {
    super(accountMachine, { accountId: 'account' })
  }
  expiry(version: number) {
    return { version, accessExpiresAt: this.at + 7_200_000, refreshExpiresAt: this.at + 180 * day }
  }
  authorize(version: number): this {
    return this.send({ type: 'authorized', ...this.expiry(version) })
  }
  refreshed(version: number): this {
    return this.done('refreshTokens', { ...this.expiry(version) })
  }
}

const toConnected = () => new AccountWalk().authorize(1)

describe('the account machine', () => {
  it('connects when the creator authorizes it, and disconnects when the authorization times out or is declined', () => {
    expect(toConnected().checkpoint).toMatchObject({
      state: 'connected',
      tag: 'waiting',
      context: { version: 1 },
    })
    expect(new AccountWalk().timer().checkpoint).toMatchObject({
      state: 'disconnected',
      context: { failure: { code: 'CONNECTION_EXPIRED' } },
    })
    expect(new AccountWalk().send({ type: 'declined', failure }).state).toBe('disconnected')
  })

  it('refreshes a token pair once, however many jobs request it', () => {
    const walk = toConnected().send({ type: 'refresh', version: 1 })
    expect(walk.checkpoint.step).toMatchObject({
      name: 'refreshTokens',
      input: { version: 1 },
    })
    expect(() => walk.send({ type: 'refresh', version: 1 })).toThrow('refused')
    walk.refreshed(2)
    expect(walk.state).toBe('connected')
    // A request about the older pair is refused.
    expect(() => walk.send({ type: 'refresh', version: 1 })).toThrow('refused')
  })

  it('stays connected through 100 failed refreshes', () => {
    const walk = toConnected().send({ type: 'refresh', version: 1 })
    for (let index = 0; index < 100; index += 1) walk.fail({ kind: 'retry', failure }).timer()
    expect(walk.state).toBe('refreshing.requesting')
    expect(walk.refreshed(2).checkpoint).toMatchObject({
      state: 'connected',
      context: { failure: null, attempts: 0 },
    })
  })

  it('needs reauthorization when the refresh token expires', () => {
    const walk = toConnected().send({ type: 'refresh', version: 1 }).fail({ kind: 'retry', failure })
    walk.at += 181 * day
    expect(walk.timer().state).toBe('needsReauthorization')
  })

  it('needs reauthorization when TikTok refuses the refresh token, or the response was lost', () => {
    for (const kind of ['needsAccount', 'unknown'] as const) {
      const walk = toConnected().send({ type: 'refresh', version: 1 }).fail({ kind, failure })
      expect(walk.state).toBe('needsReauthorization')
      expect(walk.authorize(2).checkpoint).toMatchObject({
        state: 'connected',
        context: { failure: null },
      })
    }
  })

  it('refreshes an access token that TikTok refused, and needs reauthorization after two refusals in a row', () => {
    const walk = toConnected().send({ type: 'accessRefused', version: 1 })
    expect(walk.state).toBe('refreshing.requesting')
    walk.refreshed(2).send({ type: 'accessRefused', version: 2 })
    expect(walk.state).toBe('needsReauthorization')

    const long = toConnected().send({ type: 'accessRefused', version: 1 }).refreshed(2)
    long.send({ type: 'refresh', version: 2 }).refreshed(3).send({ type: 'accessRefused', version: 3 })
    expect(long.state).toBe('refreshing.requesting')
  })

  it('refreshes an idle connection long before its grant ends', () => {
    const walk = toConnected()
    const due = Object.values(walk.checkpoint.timers)[0]?.dueAt ?? 0
    expect(due).toBeGreaterThan(walk.at + 100 * day)
    expect(due).toBeLessThan(walk.at + 170 * day)
    expect(walk.timer().state).toBe('refreshing.requesting')
  })

  it('is revoked by a webhook about the current grant, not by one about a replaced grant', () => {
    const walk = toConnected()
    expect(() => walk.send(removed(walk.at - 60_000))).toThrow('refused')
    expect(walk.send(removed(walk.at + 1_000)).state).toBe('revoked')
    expect(walk.authorize(2).state).toBe('connected')
  })

  it('retries revoking the grant until it is disconnected', () => {
    const walk = toConnected().send({ type: 'disconnect' }).fail({ kind: 'retry', failure }).timer()
    expect(walk.state).toBe('disconnecting.revoking')
    expect(() => walk.authorize(2)).toThrow('refused')
    expect(walk.done('revokeTokens').state).toBe('disconnected')
    expect(walk.authorize(2).state).toBe('connected')
  })

  it('reaches every state', () => {
    const walks = [
      toConnected().send({ type: 'refresh', version: 1 }).fail({ kind: 'retry', failure }),
      toConnected().send({ type: 'refresh', version: 1 }).fail({ kind: 'unknown', failure }),
      toConnected()
        .send({ type: 'disconnect' })
        .fail({ kind: 'retry', failure })
        .timer()
        .done('revokeTokens'),
      toConnected().send(removed(2 * day)),
    ]
    const visited = new Set(walks.flatMap((walk) => walk.visited))
    expect([...leafPaths(accountMachine)].filter((path) => !visited.has(path))).toEqual([])
  })
})
