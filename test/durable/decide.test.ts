import { describe, expect, it } from 'vitest'
import { setup } from 'xstate'
import type { Checkpoint } from '../../src/durable/checkpoint.ts'
import {
  acceptedEvents,
  decide,
  doneEvent,
  failureEvent,
  initialCheckpoint,
} from '../../src/durable/decide.ts'
import { catalogueOf, loadCheckpoint } from '../../src/durable/machine.ts'
import { toyMachine } from '../support/toy-machine.ts'

const facts = (at: number, key = 'job/2') => ({ at, key, epoch: 1 })
const started = (laps = 2) => initialCheckpoint(toyMachine, { laps }, facts(0, 'job/1'))
const moved = (checkpoint: Checkpoint, event: Parameters<typeof decide>[2], at = 0, key?: string) => {
  const decision = decide(toyMachine, checkpoint, event, facts(at, key))
  if (decision.kind === 'refused') throw new Error(`${decision.event} was refused in ${decision.state}`)
  return decision.checkpoint
}

describe('a decision', () => {
  it('turns an invoke into a pending step with its computed input', () => {
    expect(started()).toMatchObject({
      state: 'running',
      tag: 'working',
      step: { id: 'runLap', name: 'runLap', input: { lap: 0 }, key: 'job/1', epoch: 1 },
      timers: {},
    })
  })

  it('gives a re-entered state a new step with a new key', () => {
    const next = moved(started(), doneEvent('runLap', { lap: 0 }), 5, 'job/2')
    expect(next.step).toMatchObject({ input: { lap: 1 }, key: 'job/2' })
  })

  it('turns an after into a timer that is due at the event time plus the computed delay', () => {
    const waiting = moved(started(), failureEvent('runLap', 'no'), 10_000)
    expect(waiting).toMatchObject({ state: 'backingOff', tag: 'waiting', step: null })
    expect(Object.values(waiting.timers).map((timer) => timer.dueAt)).toEqual([12_000])
  })

  it('fires a timer by its stored event and drops it', () => {
    const waiting = moved(started(), failureEvent('runLap', 'no'))
    const [timer] = Object.values(waiting.timers)
    const retried = moved(waiting, timer?.event ?? { type: 'none' }, 2_000, 'job/3')
    expect(retried).toMatchObject({ state: 'running', timers: {}, step: { key: 'job/3' } })
  })

  it('drops the timers of a state that is left by another event', () => {
    const waiting = moved(started(), failureEvent('runLap', 'no'))
    expect(moved(waiting, { type: 'stop' })).toMatchObject({
      state: 'stopped',
      tag: 'final',
      timers: {},
      step: null,
    })
  })

  it('keeps the pending step, key and all, when an event only changes the context', () => {
    const before = started()
    const after = moved(before, { type: 'note', text: 'hello' }, 1, 'job/9')
    expect(after.step).toEqual(before.step)
    expect(after.context).toMatchObject({ note: 'hello' })
  })

  it('refuses an event that the state does not handle, instead of ignoring it', () => {
    expect(decide(toyMachine, started(), { type: 'resume' }, facts(0))).toEqual({
      kind: 'refused',
      state: 'running',
      event: 'resume',
    })
  })

  it('lists the events that a state accepts, without those of the runtime', () => {
    expect([...acceptedEvents(toyMachine, started())].sort()).toEqual(['note', 'pause', 'stop'])
  })

  it('is pure: the same event twice gives the same result and changes nothing', () => {
    const before = started()
    const copy = structuredClone(before)
    const event = doneEvent('runLap', { lap: 0 })
    expect(moved(before, event)).toEqual(moved(before, event))
    expect(before).toEqual(copy)
  })

  it('survives a round trip through JSON', () => {
    const waiting = moved(started(), failureEvent('runLap', 'no'))
    expect(JSON.parse(JSON.stringify(waiting))).toEqual(waiting)
  })

  it('refuses a state whose declared tag does not match its work', () => {
    const logic = setup({}).createMachine({ initial: 'idle', states: { idle: { tags: 'working' } } })
    const wrong = { ...toyMachine, logic }
    expect(() => initialCheckpoint(wrong, {}, facts(0))).toThrow(/declared working, but is resting/)
  })

  it('refuses a context that JSON would silently change', () => {
    const logic = setup({ types: { context: {} as { when: Date } } }).createMachine({
      context: { when: new Date(0) },
      initial: 'idle',
      states: { idle: { tags: 'resting' } },
    })
    expect(() => initialCheckpoint({ ...toyMachine, logic }, {}, facts(0))).toThrow(/JSON only; "when"/)
  })
})

describe('loading a checkpoint', () => {
  const catalogue = catalogueOf([toyMachine])

  it.each([
    ['an unknown machine', { machine: 'other' }, /has no machine "other"/],
    ['a newer version', { version: 2 }, /up to version 1, but the checkpoint has version 2/],
    ['an unknown state', { state: 'flying' }, /no state "flying"/],
    ['a version without an upgrade', { version: 0 }, /no upgrade from version 0/],
  ])('refuses %s', (_what, change, message) => {
    expect(() => loadCheckpoint(catalogue, { ...started(), ...change })).toThrow(message)
  })

  it('upgrades an older checkpoint one version at a time', () => {
    const machine = {
      ...toyMachine,
      version: 3,
      upgrades: {
        1: (old: Checkpoint) => ({ ...old, context: { ...old.context, one: true } }),
        2: (old: Checkpoint) => ({ ...old, context: { ...old.context, two: true } }),
      },
    }
    const { checkpoint } = loadCheckpoint(catalogueOf([machine]), started())
    expect(checkpoint).toMatchObject({ version: 3, context: { one: true, two: true, laps: 2 } })
  })
})
