import {
  type DiagramState,
  type DiagramTransition,
  diagramOf,
  type MachineDiagram,
  toMermaid,
} from '../../durable/diagram.ts'
import { builder } from './builder.ts'

const State = builder.objectRef<DiagramState>('MachineState').implement({
  description: 'A state that an instance can be in.',
  authScopes: { read: true },
  fields: (t) => ({
    path: t.exposeString('path', {
      description: 'Its name, with the areas that it lies in, such as `publishing.uploading`.',
    }),
    tag: t.exposeString('tag', {
      description: 'What an instance needs there: `working`, `waiting`, `resting` or `final`.',
    }),
    step: t.exposeString('step', { nullable: true, description: 'The step that a worker performs there.' }),
  }),
})

const Transition = builder.objectRef<DiagramTransition>('MachineTransition').implement({
  description: 'A way from one state to another.',
  authScopes: { read: true },
  fields: (t) => ({
    from: t.exposeString('from', {
      description: 'The state or area where it holds; empty if it holds everywhere.',
    }),
    event: t.exposeString('event', {
      description: 'What happens, such as `cancel`, `uploadChunk done` or `after backoff`.',
    }),
    to: t.exposeString('to', { description: 'The state that follows.' }),
  }),
})

const StateMachine = builder.objectRef<MachineDiagram>('StateMachine').implement({
  description: 'A machine as this server runs it.',
  authScopes: { read: true },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name.' }),
    version: t.exposeInt('version', {
      description: 'Rises when its states or what it knows change their shape.',
    }),
    initialState: t.exposeString('initial', { description: 'The state that an instance begins in.' }),
    states: t.field({
      type: [State],
      description: 'All states.',
      resolve: ({ states }) => [...states],
    }),
    transitions: t.field({
      type: [Transition],
      description: 'All ways from state to state.',
      resolve: ({ transitions }) => [...transitions],
    }),
    steps: t.stringList({
      description: 'The steps that workers perform for it.',
      resolve: ({ states }) => [...new Set(states.flatMap(({ step }) => (step === null ? [] : [step])))],
    }),
    diagram: t.string({ description: 'A state diagram in the Mermaid language.', resolve: toMermaid }),
  }),
})

builder.queryFields((t) => ({
  stateMachine: t.field({
    type: StateMachine,
    nullable: true,
    description:
      'A machine by its name: `job`, `plan`, `account` or `breaker`; null if there is none of the name.',
    authScopes: { read: true },
    args: { name: t.arg.string({ required: true, description: 'Its name.' }) },
    resolve: (_root, { name }, { deps }) => {
      const machine = deps.machines.get(name)
      return machine ? diagramOf(machine) : null
    },
  }),
  stateMachines: t.field({
    type: [StateMachine],
    description: 'All machines.',
    authScopes: { read: true },
    resolve: (_root, _args, { deps }) => [...deps.machines.values()].map(diagramOf),
  }),
}))
