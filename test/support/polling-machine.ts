import { assign, fromPromise, setup } from 'xstate'
import type { DurableMachine } from '../../src/durable/machine.ts'

/** What the poll step of the machine below answers. */
export interface PollAnswer {
  readonly percent: number
}

const performedElsewhere = async (): Promise<never> => {
  throw new Error('steps are performed by the runtime')
}

const pollingLogic = setup({
  types: {
    context: {} as { readonly percent: number },
    events: {} as { readonly type: 'stop' },
    tags: {} as 'waiting' | 'working' | 'resting' | 'final',
  },
  actors: { ask: fromPromise<PollAnswer>(performedElsewhere) },
  delays: { poll: 10 },
}).createMachine({
  id: 'polling',
  context: { percent: 0 },
  initial: 'waiting',
  on: { stop: '.stopped' },
  states: {
    waiting: { tags: 'waiting', after: { poll: 'asking' } },
    asking: {
      tags: 'working',
      invoke: {
        id: 'ask',
        src: 'ask',
        onDone: [
          { guard: ({ event }) => event.output.percent >= 100, target: 'finished' },
          { target: 'waiting', actions: assign({ percent: ({ event }) => event.output.percent }) },
        ],
        onError: 'broken',
      },
    },
    broken: { tags: 'resting' },
    finished: { tags: 'final', type: 'final' },
    stopped: { tags: 'final', type: 'final' },
  },
})

/** Asks every 10 ms how far something is, until it is done. */
export const pollingMachine: DurableMachine = {
  name: 'polling',
  version: 1,
  logic: pollingLogic,
  upgrades: {},
  polls: new Set(['ask']),
}
