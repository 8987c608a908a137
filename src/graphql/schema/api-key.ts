import { createApiKey, revokeApiKey } from '../../commands/tenant/create-api-key.ts'
import { idempotencyKey } from '../mutation/idempotency-key.ts'
import { idOf, mutate, refusals } from '../mutation/mutate.ts'
import { builder } from './builder.ts'
import { ApiKey } from './ref.ts'

const Scope = builder.enumType('ApiScope', {
  description: 'What a key may do. Each scope includes those before it.',
  values: {
    READ: { value: 'read', description: 'Read everything of the organization, and follow its events.' },
    WRITE: { value: 'write', description: 'Write plans and slots, steer jobs, connect accounts.' },
    ADMIN: { value: 'admin', description: 'Make and revoke keys, grant quota, disconnect accounts.' },
  } as const,
})

builder.node(ApiKey, {
  description: 'A key to this API. Its secret was shown once and is not kept.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What it is for.' }),
    scopes: t.field({
      type: [Scope],
      description: 'What it may do.',
      resolve: ({ scopes }) => scopes as ('read' | 'write' | 'admin')[], // A CHECK constraint allows nothing else.
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last used, to the minute.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked; null if it works.',
    }),
  }),
})

builder.relayMutationField(
  'createApiKey',
  {
    description: 'A key to make.',
    inputFields: (t) => ({
      name: t.string({ required: true, description: 'What it is for, in 1 to 200 characters.' }),
      scopes: t.field({ type: [Scope], required: true, description: 'What it may do.' }),
      idempotencyKey: idempotencyKey(t),
    }),
  },
  {
    description: 'Makes a key. Takes the admin scope.',
    authScopes: { admin: true },
    errors: { types: [...refusals] },
    resolve: (_root, { input }, context, info) =>
      mutate(
        context,
        info,
        input,
        (tx) => createApiKey(tx, { ...input, organizationId: context.viewer.organizationId }),
        ({ keyId }) => ({ kind: 'done', keyId, key: null }), // A database dump shall hold no secret.
      ),
  },
  {
    description: 'The key that was made.',
    authScopes: { read: true },
    outputFields: (t) => ({
      apiKey: t.field({
        type: ApiKey,
        nullable: true,
        description: 'The key as it will be shown from now on.',
        resolve: ({ keyId }, _args, context) => context.load.apiKey.load(keyId),
      }),
      key: t.string({
        nullable: true,
        description: 'The secret, shown this once. Null if this answer is the replay of an earlier one.',
        resolve: ({ key }) => key,
      }),
    }),
  },
)

builder.relayMutationField(
  'revokeApiKey',
  {
    description: 'A key to revoke.',
    inputFields: (t) => ({
      apiKeyId: t.id({ required: true, description: 'The key.' }),
      idempotencyKey: idempotencyKey(t),
    }),
  },
  {
    description: 'Ends a key for good, and whatever it follows. Takes the admin scope.',
    authScopes: { admin: true },
    errors: { types: [...refusals] },
    resolve: (_root, { input }, context, info) => {
      const keyId = idOf('ApiKey', input, 'apiKeyId')
      const { organizationId } = context.viewer
      return mutate(context, info, input, (tx) => revokeApiKey(tx, { organizationId, keyId }))
    },
  },
  {
    description: 'The key that was revoked.',
    authScopes: { read: true },
    outputFields: (t) => ({
      apiKey: t.field({
        type: ApiKey,
        nullable: true,
        description: 'The key as it is now.',
        resolve: ({ keyId }, _args, context) => context.load.apiKey.load(keyId),
      }),
    }),
  },
)
