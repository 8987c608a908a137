import type { Viewer as ViewerRecord } from '../server/context.ts'
import { builder } from './builder.ts'
import { ownOrganization } from './organization.ts'
import { ApiKey, Organization } from './ref.ts'

const Viewer = builder.objectRef<ViewerRecord>('Viewer').implement({
  description: 'The API key of the request and its organization.',
  authScopes: { read: true },
  fields: (t) => ({
    organization: t.field({
      type: Organization,
      description: 'The organization whose data the key can access.',
      resolve: (_viewer, _args, context) => ownOrganization(context),
    }),
    apiKey: t.field({
      type: ApiKey,
      nullable: true,
      description: 'The key that authenticated the request; null if it was deleted meanwhile.',
      resolve: ({ keyId }, _args, context) => context.load.apiKey.load(keyId),
    }),
  }),
})

builder.queryField('viewer', (t) =>
  t.field({
    type: Viewer,
    description: 'The API key of the request and its organization.',
    authScopes: { read: true },
    resolve: (_root, _args, context) => context.viewer,
  }),
)
