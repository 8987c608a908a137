import { createApiKey, revokeApiKey } from '../../commands/tenant/create-api-key.ts'
import { defineMutation } from '../mutation/define-mutation.ts'
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

defineMutation('createApiKey', {
  description: 'Makes a key. Takes the admin scope.',
  scope: 'admin',
  input: {
    description: 'A key to make.',
    fields: (t) => ({
      name: t.string({ required: true, description: 'What it is for, in 1 to 200 characters.' }),
      scopes: t.field({ type: [Scope], required: true, description: 'What it may do.' }),
    }),
  },
  run: (tx, { name, scopes }, { viewer: { organizationId } }) =>
    createApiKey(tx, { organizationId, name, scopes }),
  redact: ({ keyId }) => ({ kind: 'done', keyId, key: null }), // A database dump shall hold no secret.
  payload: {
    description: 'The key that was made.',
    fields: (t) => ({
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
})

defineMutation('revokeApiKey', {
  description: 'Ends a key for good, and whatever it follows. Takes the admin scope.',
  scope: 'admin',
  input: {
    description: 'A key to revoke.',
    ids: { apiKeyId: ['ApiKey'] },
    fields: (t) => ({
      apiKeyId: t.id({ required: true, description: 'The key.' }),
    }),
  },
  run: (tx, { apiKeyId: keyId }, { viewer: { organizationId } }) =>
    revokeApiKey(tx, { organizationId, keyId }),
  payload: {
    description: 'The key that was revoked.',
    fields: (t) => ({
      apiKey: t.field({
        type: ApiKey,
        nullable: true,
        description: 'The key as it is now.',
        resolve: ({ keyId }, _args, context) => context.load.apiKey.load(keyId),
      }),
    }),
  },
})
