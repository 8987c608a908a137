import type { Context } from '../server/context.ts'
import { builder } from './builder.ts'
import { maxPageSize } from './connection.ts'
import { requestError } from './error.ts'
import { decodeGlobalId } from './global-id.ts'
import { ownOrganization } from './organization.ts'

/** Finds an object by its global id; null if it does not exist or belongs to another organization. */
async function findNode(text: string, context: Context): Promise<object | null> {
  const decoded = decodeGlobalId(text)
  if (!decoded) return null
  const { load, viewer } = context
  const { name, id } = decoded
  const find: Readonly<Record<typeof name, () => Promise<object | null>>> = {
    Organization: async () => (id === viewer.organizationId ? await ownOrganization(context) : null),
    ApiKey: () => load.apiKey.load(id),
    Account: () => load.account.load(id),
    Plan: () => load.plan.load(id),
    Slot: () => load.slot.load(id),
    Job: () => load.job.load(id),
    Scan: () => load.scan.load(id),
    Media: () => load.media.load(id),
  }
  const found = await find[name]()
  return found && { ...found, __typename: name }
}

builder.queryFields((t) => ({
  node: t.field({
    type: builder.nodeInterfaceRef(),
    nullable: true,
    description: 'An object by its global id; null if it does not exist or belongs to another organization.',
    authScopes: { read: true },
    args: { id: t.arg.id({ required: true, description: 'The global id.' }) },
    resolve: (_root, { id }, context) => findNode(id, context),
  }),
  nodes: t.field({
    type: [builder.nodeInterfaceRef()],
    nullable: { list: false, items: true },
    description: `Objects by their global ids, in the order of the ids. At most ${maxPageSize}; an element is null if its object does not exist or belongs to another organization.`,
    authScopes: { read: true },
    args: { ids: t.arg.idList({ required: true, description: `The global ids, at most ${maxPageSize}.` }) },
    resolve: (_root, { ids }, context) => {
      if (ids.length > maxPageSize)
        throw requestError('BAD_USER_INPUT', `ids must have at most ${maxPageSize} items`)
      return ids.map((id) => findNode(id, context))
    },
  }),
}))
