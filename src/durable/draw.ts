import type { AnyStateMachine, AnyTransitionDefinition } from 'xstate'
import type { DurableMachine } from './machine.ts'

type Node = AnyStateMachine['root']

/**
 * Draws a machine as a Mermaid state diagram, from the machine itself: a step's outcomes as `step ✓` and `step ✗`, a
 * timer as `⏱ name`, and what people and webhooks may ask by its own name. Ways out that all states share are drawn
 * once, from `any state`.
 */
export function drawMachine({ logic }: DurableMachine): string {
  const lines = ['stateDiagram-v2']
  const root = logic.root
  const nameOf = (node: Node) => node.path.join('_')

  const declare = (node: Node, indent: string) => {
    for (const child of Object.values(node.states)) {
      if (Object.keys(child.states).length === 0) {
        lines.push(`${indent}state "${child.key}" as ${nameOf(child)}`)
        continue
      }
      lines.push(`${indent}state ${nameOf(child)} {`)
      declare(child, `${indent}  `)
      const first = entryOf(child)
      if (first) lines.push(`${indent}  [*] --> ${nameOf(first)}`)
      lines.push(`${indent}}`)
    }
  }
  declare(root, '  ')
  const first = entryOf(root)
  if (first) lines.push(`  [*] --> ${nameOf(first)}`)

  const arrows = new Set<string>()
  const follow = (node: Node) => {
    const from = node === root ? 'any_state' : nameOf(node)
    for (const transition of [...node.transitions.values()].flat().concat(node.always ?? [])) {
      for (const target of transition.target ?? []) {
        const label = labelOf(transition)
        arrows.add(`  ${from} --> ${nameOf(target)}${label ? ` : ${label}` : ''}`)
      }
    }
    if (node.type === 'final') arrows.add(`  ${nameOf(node)} --> [*]`)
    for (const child of Object.values(node.states)) follow(child)
  }
  follow(root)
  if ([...arrows].some((arrow) => arrow.startsWith('  any_state')))
    lines.push('  state "any state" as any_state')
  return `${[...lines, ...arrows].join('\n')}\n`
}

function entryOf(node: Node): Node | undefined {
  return node.initial.target?.[0]
}

function labelOf({ eventType, guard }: AnyTransitionDefinition): string {
  const [, kind, name] = /^xstate\.(done\.actor|error\.actor|after)\.([^.]+)/.exec(eventType) ?? []
  const condition = guardNameOf(guard)
  const event =
    kind === 'done.actor'
      ? `${name} ✓`
      : kind === 'error.actor'
        ? `${name} ✗`
        : kind === 'after'
          ? `⏱ ${name}`
          : eventType
  return [event, condition && `[${condition}]`].filter(Boolean).join(' ')
}

/** A guard's name and what it is asked about; one written in place has no name to show. */
function guardNameOf(guard: unknown): string | null {
  if (typeof guard === 'string') return guard
  if (typeof guard !== 'object' || guard === null || !('type' in guard)) return null
  const params = 'params' in guard ? `: ${String(guard.params)}` : ''
  return `${String(guard.type)}${params}`
}
