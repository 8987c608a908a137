import { listApiKeys } from '../../store/tenant/api-keys.ts'
import { findOrganization } from '../../store/tenant/organizations.ts'
import type { Context } from '../server/context.ts'
import { builder } from './builder.ts'
import { ApiKey, Organization } from './ref.ts'

builder.node(Organization, {
  description: 'The tenant. All other data belongs to exactly one organization.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name of the organization.' }),
    apiKeys: t.field({
      type: [ApiKey],
      description: 'The API keys, newest first, including revoked ones. Requires the admin scope.',
      authScopes: { admin: true },
      resolve: async (organization, _args, context) => [
        ...(await context.read((tx) => listApiKeys(tx, organization.id))),
      ],
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the organization was created.' }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'When the organization last changed.',
    }),
  }),
})

/** The viewer's own organization, which is the only one there is for it. */
export async function ownOrganization({ viewer, read }: Context) {
  const organization = await read((tx) => findOrganization(tx, viewer.organizationId))
  if (!organization) throw new Error(`organization ${viewer.organizationId} is gone`)
  return organization
}
