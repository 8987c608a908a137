import {
  type DiagramState,
  type DiagramTransition,
  diagramOf,
  type MachineDiagram,
  toMermaid,
} from '../../durable/diagram.ts'
import { builder } from './builder.ts'

const State = builder.objectRef<DiagramState>('MachineState').implement({
  description: 'A state of a state machine.',
  authScopes: { read: true },
  fields: (t) => ({
    path: t.exposeString('path', {
      description: 'The path of the state, with its parent states, such as `publishing.uploading`.',
    }),
    tag: t.exposeString('tag', {
      description:
        'What an instance needs in this state: `working`, `waiting`, `resting`, `settled` or `final`.',
    }),
    step: t.exposeString('step', {
      nullable: true,
      description: 'The step that a worker performs in this state; null if there is none.',
    }),
  }),
})

const Transition = builder.objectRef<DiagramTransition>('MachineTransition').implement({
  description: 'A transition between two states.',
  authScopes: { read: true },
  fields: (t) => ({
    from: t.exposeString('from', {
      description:
        'The path of the state or parent state in which the transition applies; empty if it applies in every state.',
    }),
    event: t.exposeString('event', {
      description:
        'The event that causes the transition, such as `cancel`, `uploadChunk done` or `after backoff`.',
    }),
    to: t.exposeString('to', { description: 'The path of the next state.' }),
  }),
})

const StateMachine = builder.objectRef<MachineDiagram>('StateMachine').implement({
  description: 'A state machine as this server runs it.',
  authScopes: { read: true },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name of the machine.' }),
    version: t.exposeInt('version', {
      description:
        'The version of the machine. It increases when the shape of its states or its context changes.',
    }),
    initialState: t.exposeString('initial', {
      description: 'The path of the state in which an instance starts.',
    }),
    states: t.field({
      type: [State],
      description: 'All states.',
      resolve: ({ states }) => [...states],
    }),
    transitions: t.field({
      type: [Transition],
      description: 'All transitions.',
      resolve: ({ transitions }) => [...transitions],
    }),
    steps: t.stringList({
      description: 'The names of the steps that workers perform, without duplicates.',
      resolve: ({ states }) => [...new Set(states.flatMap(({ step }) => (step === null ? [] : [step])))],
    }),
    diagram: t.string({ description: 'The state diagram, in Mermaid syntax.', resolve: toMermaid }),
  }),
})

builder.queryFields((t) => ({
  stateMachine: t.field({
    type: StateMachine,
    nullable: true,
    description:
      'A state machine by name: `job`, `plan`, `account`, `media` or `breaker`. Null if there is no such machine.',
    authScopes: { read: true },
    args: { name: t.arg.string({ required: true, description: 'The name of the machine.' }) },
    resolve: (_root, { name }, { deps }) => {
      const machine = deps.machines.get(name)
      return machine ? diagramOf(machine) : null
    },
  }),
  stateMachines: t.field({
    type: [StateMachine],
    description: 'All state machines.',
    authScopes: { read: true },
    resolve: (_root, _args, { deps }) => [...deps.machines.values()].map(diagramOf),
  }),
}))
