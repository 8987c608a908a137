import { describe, expect, it } from 'vitest'
import type { StepError } from '../../machines/failure.ts'
import { accountMachine } from '../../src/commands/account-machine.ts'
import type { Checkpoint, Json, MachineEvent } from '../../src/durable/checkpoint.ts'
import { begin, decide, doneEvent, failureEvent } from '../../src/durable/decide.ts'
import { leafPaths } from '../../src/durable/machine.ts'

const day = 86_400_000
const failure = { verdict: 'RETRY_AFTER', code: 'x', message: 'x' } as const
const removed = (createdAt: number) => ({
  type: 'authorizationRemoved',
  createdAt,
  failure,
})

/** Drives the machine as the runtime does, with the outcomes that a test names. */
class Walk {
  checkpoint: Checkpoint
  at = day
  #revision = 1
  readonly visited: string[] = []

  constructor() {
    const facts = { at: this.at, key: 'account/1', epoch: null }
    this.checkpoint = begin(accountMachine, { accountId: 'account' }, facts)
    this.visited.push(this.state)
  }
  send(event: MachineEvent): this {
    this.#revision += 1
    const facts = { at: this.at, key: `account/${this.#revision}`, epoch: 1 }
    const decision = decide(accountMachine, this.checkpoint, event, facts)
    if (decision.kind === 'refused') throw new Error(`${event.type} was refused in ${decision.state}`)
    this.checkpoint = decision.checkpoint
    this.visited.push(this.state)
    return this
  }
  expiry(version: number) {
    return {
      version,
      accessExpiresAt: this.at + 7_200_000,
      refreshExpiresAt: this.at + 180 * day,
    }
  }
  authorize(version: number): this {
    return this.send({ type: 'authorized', ...this.expiry(version) })
  }
  refreshed(version: number): this {
    return this.done({ ...this.expiry(version) })
  }
  done(output: Json = null): this {
    return this.send(doneEvent(this.checkpoint.step?.id ?? '', output))
  }
  fail(error: StepError): this {
    return this.send(failureEvent(this.checkpoint.step?.id ?? '', error as unknown as Json))
  }
  timer(): this {
    const [timer] = Object.values(this.checkpoint.timers)
    if (!timer) throw new Error(`no timer in ${this.state}`)
    this.at = Math.max(this.at, timer.dueAt)
    return this.send(timer.event)
  }
  get state(): string {
    return this.checkpoint.state
  }
}

const toConnected = () => new Walk().authorize(1)

describe('the account machine', () => {
  it('is connected by its creator, or ends when nobody comes back', () => {
    expect(toConnected().checkpoint).toMatchObject({
      state: 'connected',
      tag: 'waiting',
      context: { version: 1 },
    })
    expect(new Walk().timer().checkpoint).toMatchObject({
      state: 'disconnected',
      context: { failure: { code: 'CONNECTION_EXPIRED' } },
    })
    expect(new Walk().send({ type: 'declined', failure }).state).toBe('disconnected')
  })

  it('is refreshed once, however many ask for it', () => {
    const walk = toConnected().send({ type: 'refresh', version: 1 })
    expect(walk.checkpoint.step).toMatchObject({
      name: 'refreshTokens',
      input: { version: 1 },
    })
    expect(() => walk.send({ type: 'refresh', version: 1 })).toThrow('refused')
    walk.refreshed(2)
    expect(walk.state).toBe('connected')
    // Whoever read the older pair comes too late.
    expect(() => walk.send({ type: 'refresh', version: 1 })).toThrow('refused')
  })

  it('is never disconnected by a hiccup, however long it lasts', () => {
    const walk = toConnected().send({ type: 'refresh', version: 1 })
    for (let turn = 0; turn < 100; turn += 1) walk.fail({ kind: 'retry', failure }).timer()
    expect(walk.state).toBe('refreshing.asking')
    expect(walk.refreshed(2).checkpoint).toMatchObject({
      state: 'connected',
      context: { failure: null, attempts: 0 },
    })
  })

  it('stops asking when the refresh token is over by its own time', () => {
    const walk = toConnected().send({ type: 'refresh', version: 1 }).fail({ kind: 'retry', failure })
    walk.at += 181 * day
    expect(walk.timer().state).toBe('needsReauthorization')
  })

  it('needs its creator when TikTok says no, or when the answer was lost', () => {
    for (const kind of ['needsAccount', 'unknown'] as const) {
      const walk = toConnected().send({ type: 'refresh', version: 1 }).fail({ kind, failure })
      expect(walk.state).toBe('needsReauthorization')
      expect(walk.authorize(2).checkpoint).toMatchObject({
        state: 'connected',
        context: { failure: null },
      })
    }
  })

  it('refreshes a token that was refused before its time, and believes the second refusal in a row', () => {
    const walk = toConnected().send({ type: 'accessRefused', version: 1 })
    expect(walk.state).toBe('refreshing.asking')
    walk.refreshed(2).send({ type: 'accessRefused', version: 2 })
    expect(walk.state).toBe('needsReauthorization')

    const long = toConnected().send({ type: 'accessRefused', version: 1 }).refreshed(2)
    long.send({ type: 'refresh', version: 2 }).refreshed(3).send({ type: 'accessRefused', version: 3 })
    expect(long.state).toBe('refreshing.asking')
  })

  it('is kept alive while nobody posts, long before its grant would end', () => {
    const walk = toConnected()
    const due = Object.values(walk.checkpoint.timers)[0]?.dueAt ?? 0
    expect(due).toBeGreaterThan(walk.at + 100 * day)
    expect(due).toBeLessThan(walk.at + 170 * day)
    expect(walk.timer().state).toBe('refreshing.asking')
  })

  it('is revoked by its creator, but not by word of a grant that was replaced since', () => {
    const walk = toConnected()
    expect(() => walk.send(removed(walk.at - 60_000))).toThrow('refused')
    expect(walk.send(removed(walk.at + 1_000)).state).toBe('revoked')
    expect(walk.authorize(2).state).toBe('connected')
  })

  it('gives its grant back before it is disconnected, and tries until it has', () => {
    const walk = toConnected().send({ type: 'disconnect' }).fail({ kind: 'retry', failure }).timer()
    expect(walk.state).toBe('disconnecting.revoking')
    expect(() => walk.authorize(2)).toThrow('refused')
    expect(walk.done().state).toBe('disconnected')
    expect(walk.authorize(2).state).toBe('connected')
  })

  it('has a reachable place for every state', () => {
    const walks = [
      toConnected().send({ type: 'refresh', version: 1 }).fail({ kind: 'retry', failure }),
      toConnected().send({ type: 'refresh', version: 1 }).fail({ kind: 'unknown', failure }),
      toConnected().send({ type: 'disconnect' }).fail({ kind: 'retry', failure }).timer().done(),
      toConnected().send(removed(2 * day)),
    ]
    const visited = new Set(walks.flatMap((walk) => walk.visited))
    expect([...leafPaths(accountMachine)].filter((path) => !visited.has(path))).toEqual([])
  })
})
