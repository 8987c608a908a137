import { type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql'

type Info = Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>

/** By the nodes of a field, which a compiled query has once. */
const found = new WeakMap<Info['fieldNodes'], ReadonlySet<string>>()

/** The names of all fields that a document selects of an object, or of the items of a connection, in fragments of any type. */
export function selectedFields(info: Info, of: 'object' | 'items'): ReadonlySet<string> {
  const known = found.get(info.fieldNodes)
  if (known) return known
  const names = new Set<string>()
  const add = (
    set: SelectionSetNode | undefined,
    visit: (name: string, inner?: SelectionSetNode) => void,
  ) => {
    for (const each of set?.selections ?? []) {
      if (each.kind === Kind.FIELD) visit(each.name.value, each.selectionSet)
      else if (each.kind === Kind.INLINE_FRAGMENT) add(each.selectionSet, visit)
      else add(info.fragments[each.name.value]?.selectionSet, visit)
    }
  }
  const collect = (inner?: SelectionSetNode) => add(inner, (name) => names.add(name))
  for (const { selectionSet } of info.fieldNodes) {
    if (of === 'object') collect(selectionSet)
    else
      add(selectionSet, (name, inner) => {
        if (name === 'nodes') collect(inner)
        else if (name === 'edges') add(inner, (inEdge, node) => inEdge === 'node' && collect(node))
      })
  }
  found.set(info.fieldNodes, names)
  return names
}
