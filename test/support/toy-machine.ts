import { assign, fromPromise, setup } from 'xstate'
import type { DurableMachine } from '../../src/durable/machine.ts'

interface ToyContext {
  readonly laps: number
  readonly done: number
  readonly failures: number
  readonly note: string | null
}

type ToyEvent =
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'stop' }

const performedElsewhere = async (): Promise<never> => {
  throw new Error('steps are performed by the runtime')
}

/** Runs `laps` laps of one step each; backs off when a lap fails. */
export const toyLogic = setup({
  types: {
    context: {} as ToyContext,
    events: {} as ToyEvent,
    input: {} as { readonly laps: number },
    tags: {} as 'working' | 'waiting' | 'resting' | 'final',
  },
  actors: { runLap: fromPromise<{ readonly lap: number }, { readonly lap: number }>(performedElsewhere) },
  delays: { rest: 1_000, backoff: ({ context }) => 1_000 * 2 ** context.failures },
  guards: { allDone: ({ context }) => context.done + 1 >= context.laps },
}).createMachine({
  id: 'toy',
  context: ({ input }) => ({ laps: input.laps, done: 0, failures: 0, note: null }),
  initial: 'running',
  on: { stop: '.stopped' },
  states: {
    running: {
      tags: 'working',
      invoke: {
        id: 'runLap',
        src: 'runLap',
        input: ({ context }) => ({ lap: context.done }),
        onDone: [
          {
            guard: 'allDone',
            target: 'finished',
            actions: assign({ done: ({ context }) => context.done + 1 }),
          },
          { target: 'running', reenter: true, actions: assign({ done: ({ context }) => context.done + 1 }) },
        ],
        onError: {
          target: 'backingOff',
          actions: assign({ failures: ({ context }) => context.failures + 1 }),
        },
      },
      on: { note: { actions: assign({ note: ({ event }) => event.text }) }, pause: 'paused' },
    },
    backingOff: { tags: 'waiting', after: { backoff: 'running' } },
    paused: { tags: 'resting', on: { resume: 'running' } },
    finished: { tags: 'final', type: 'final' },
    stopped: { tags: 'final', type: 'final' },
  },
})

export const toyMachine: DurableMachine = { name: 'toy', version: 1, logic: toyLogic, upgrades: {} }
