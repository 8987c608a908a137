import type { Context } from '../server/context.ts'
import { builder } from './builder.ts'
import { requestError } from './error.ts'
import { decodeGlobalId } from './global-id.ts'
import { ownOrganization } from './organization.ts'

const mostIds = 100

/** What a global id names, if it is the viewer's; otherwise null, as for what does not exist. */
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
  }
  const found = await find[name]()
  return found && { ...found, __typename: name }
}

builder.queryFields((t) => ({
  node: t.field({
    type: builder.nodeInterfaceRef(),
    nullable: true,
    description: 'Anything by its id; null if there is no such thing, or it is not yours.',
    authScopes: { read: true },
    args: { id: t.arg.id({ required: true, description: 'The id.' }) },
    resolve: (_root, { id }, context) => findNode(id, context),
  }),
  nodes: t.field({
    type: [builder.nodeInterfaceRef()],
    nullable: { list: false, items: true },
    description: 'Several things by their ids, in the order of the ids; at most 100.',
    authScopes: { read: true },
    args: { ids: t.arg.idList({ required: true, description: 'The ids.' }) },
    resolve: (_root, { ids }, context) => {
      if (ids.length > mostIds) throw requestError('BAD_USER_INPUT', `ids has at most ${mostIds}`)
      return ids.map((id) => findNode(id, context))
    },
  }),
}))
