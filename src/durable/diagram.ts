import type { AnyStateNode } from 'xstate'
import type { DurableMachine } from './machine.ts'

/** A leaf state. */
export interface DiagramState {
  readonly path: string
  readonly tag: string
  /** The step that a worker performs there. */
  readonly step: string | null
}

/** `from` may be a compound state, which stands for all states in it, or the empty path, which is the whole machine. */
export interface DiagramTransition {
  readonly from: string
  readonly to: string
  readonly event: string
}

/** The states and transitions of a statechart. */
export interface MachineDiagram {
  readonly name: string
  readonly version: number
  readonly initial: string
  readonly states: readonly DiagramState[]
  readonly transitions: readonly DiagramTransition[]
}

export function diagramOf({ name, version, logic }: DurableMachine): MachineDiagram {
  const nodes = allNodes(logic.root)
  return {
    name,
    version,
    initial: pathOf(leafOf(logic.root)),
    states: nodes.filter(isLeaf).map((node) => ({
      path: pathOf(node),
      tag: node.tags[0] ?? '',
      step: stepOf(node),
    })),
    transitions: nodes.flatMap((node) => transitionsOf(node)),
  }
}

/** A Mermaid state diagram. Transitions of the whole machine are left out: their arrows would cross all others. */
export function toMermaid({ initial, states, transitions }: MachineDiagram): string {
  const nameOf = (path: string) => path.replaceAll('.', '_')
  const areas = new Map<string, DiagramState[]>()
  for (const state of states) {
    const area = state.path.includes('.') ? (state.path.split('.')[0] ?? '') : ''
    areas.set(area, [...(areas.get(area) ?? []), state])
  }
  const lines = ['stateDiagram-v2', `  [*] --> ${nameOf(initial)}`]
  for (const [area, members] of areas) {
    const indent = area === '' ? '  ' : '    '
    if (area !== '') lines.push(`  state ${area} {`)
    for (const { path } of members)
      lines.push(`${indent}state "${path.split('.').at(-1)}" as ${nameOf(path)}`)
    if (area !== '') lines.push('  }')
  }
  const drawn = new Map<string, string[]>()
  for (const { from, to, event } of transitions) {
    if (from === '') continue
    const arrow = `${nameOf(from)} --> ${nameOf(to)}`
    drawn.set(arrow, [...new Set([...(drawn.get(arrow) ?? []), event])])
  }
  for (const [arrow, events] of drawn) lines.push(`  ${arrow} : ${events.join(', ')}`)
  for (const { path, tag } of states) if (tag === 'final') lines.push(`  ${nameOf(path)} --> [*]`)
  return `${lines.join('\n')}\n`
}

function allNodes(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(allNodes)]
}

function isLeaf(node: AnyStateNode): boolean {
  return Object.keys(node.states).length === 0
}

/** The leaf that is active after entering a node. */
function leafOf(node: AnyStateNode): AnyStateNode {
  const [first] = isLeaf(node) ? [] : node.initial.target
  return first ? leafOf(first) : node
}

function pathOf(node: AnyStateNode): string {
  return node.path.join('.')
}

function stepOf(node: AnyStateNode): string | null {
  const [step] = node.invoke
  return step ? step.id : null
}

function transitionsOf(node: AnyStateNode): DiagramTransition[] {
  return [...node.transitions.values()]
    .flat()
    .flatMap((transition) => {
      const targets = transition.target ?? []
      return targets.map((target) => ({
        from: pathOf(node),
        to: pathOf(leafOf(target)),
        event: eventName(transition.eventType),
      }))
    })
    .concat(
      node.always?.flatMap((transition) =>
        (transition.target ?? []).map((target) => ({
          from: pathOf(node),
          to: pathOf(leafOf(target)),
          event: 'always',
        })),
      ) ?? [],
    )
}

/** Readable names for XState's events: `openJob done` for `xstate.done.actor.openJob`. */
function eventName(type: string): string {
  const done = /^xstate\.done\.actor\.(.+)$/.exec(type)
  if (done) return `${done[1]} done`
  const failed = /^xstate\.error\.actor\.(.+)$/.exec(type)
  if (failed) return `${failed[1]} failed`
  const after = /^xstate\.after\.([^.]+)\..*$/.exec(type)
  if (after) return /^\d+$/.test(after[1] ?? '') ? `after ${Number(after[1]) / 1_000} s` : `after ${after[1]}`
  return type
}
