import { expect, it } from 'vitest'
import { planMachine } from '../../src/definitions/machines.ts'
import type { Checkpoint } from '../../src/durable/checkpoint.ts'
import { acceptedEvents, initialCheckpoint } from '../../src/durable/decide.ts'

const facts = { at: 0, key: 'plan', epoch: null }
const plan = (state: string, context: object): Checkpoint => ({
  ...initialCheckpoint(planMachine, {}, facts),
  state,
  tag: state === 'archived' ? 'final' : 'resting',
  context: { autopilot: false, locked: false, slots: 1, ...context },
})

it.each([
  ['draft', {}, ['edit', 'submit', 'lock', 'setAutopilot', 'archive']],
  ['draft', { slots: 0 }, ['edit', 'lock', 'setAutopilot', 'archive']],
  ['draft', { locked: true }, ['submit', 'unlock', 'archive']],
  ['inReview', {}, ['edit', 'approve', 'reject', 'lock', 'setAutopilot', 'archive']],
  ['inReview', { locked: true }, ['approve', 'reject', 'unlock', 'archive']],
  ['approved', {}, ['edit', 'lock', 'setAutopilot', 'archive']],
  ['approved', { locked: true }, ['unlock', 'archive']],
  ['archived', {}, []],
])('a plan in %s with %j accepts exactly %j', (state, context, events) => {
  expect([...acceptedEvents(planMachine, plan(state, context))].sort()).toEqual([...events].sort())
})
