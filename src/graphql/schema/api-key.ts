import { createApiKey, revokeApiKey } from '../../commands/tenant/create-api-key.ts'
import { defineMutation } from '../mutation/define-mutation.ts'
import { builder } from './builder.ts'
import { ApiKey } from './ref.ts'

const Scope = builder.enumType('ApiScope', {
  description: 'A scope of an API key. Each scope includes the ones before it: READ, WRITE, ADMIN.',
  values: {
    READ: { value: 'read', description: 'Read all data of the organization and subscribe to its events.' },
    WRITE: {
      value: 'write',
      description:
        'Edit plans and slots, control jobs, run scans, redrive dead letters and connect accounts.',
    },
    ADMIN: {
      value: 'admin',
      description:
        'Manage API keys, quotas, rate limits and circuit breakers, set the time zone and disconnect accounts.',
    },
  } as const,
})

builder.node(ApiKey, {
  description: 'A key to this API. Its secret is returned once by `createApiKey` and is not stored.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name of the key.' }),
    scopes: t.field({
      type: [Scope],
      description: 'The scopes of the key.',
      resolve: ({ scopes }) => scopes as ('read' | 'write' | 'admin')[], // A CHECK constraint allows nothing else.
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the key was created.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the key was last used, accurate to the minute; null if it was never used.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the key was revoked; null if it is valid.',
    }),
  }),
})

defineMutation('createApiKey', {
  description: 'Creates an API key and returns its secret once. Requires the admin scope.',
  scope: 'admin',
  input: {
    description: 'Input of `createApiKey`.',
    fields: (t) => ({
      name: t.string({ required: true, description: 'The name of the key, 1 to 200 characters.' }),
      scopes: t.field({
        type: [Scope],
        required: true,
        description: 'The scopes of the key. Each includes the lower ones.',
      }),
    }),
  },
  run: (tx, { name, scopes }, { viewer: { organizationId } }) =>
    createApiKey(tx, { organizationId, name, scopes }),
  redact: ({ keyId }) => ({ kind: 'done', keyId, key: null }), // A database dump must hold no secret.
  payload: {
    description: 'The result of `createApiKey`.',
    fields: (t) => ({
      apiKey: t.field({
        type: ApiKey,
        nullable: true,
        description: 'The created key; null if it no longer exists.',
        resolve: ({ keyId }, _args, context) => context.load.apiKey.load(keyId),
      }),
      key: t.string({
        nullable: true,
        description: 'The secret of the key. Returned once: null if this response replays an earlier one.',
        resolve: ({ key }) => key,
      }),
    }),
  },
})

defineMutation('revokeApiKey', {
  description:
    'Revokes an API key permanently. Its requests are refused and its open subscriptions end at once. Requires the admin scope.',
  scope: 'admin',
  input: {
    description: 'Input of `revokeApiKey`.',
    ids: { apiKeyId: ['ApiKey'] },
    fields: (t) => ({
      apiKeyId: t.id({ required: true, description: 'The key to revoke.' }),
    }),
  },
  run: (tx, { apiKeyId: keyId }, { viewer: { organizationId } }) =>
    revokeApiKey(tx, { organizationId, keyId }),
  payload: {
    description: 'The result of `revokeApiKey`.',
    fields: (t) => ({
      apiKey: t.field({
        type: ApiKey,
        nullable: true,
        description: 'The revoked key; null if it no longer exists.',
        resolve: ({ keyId }, _args, context) => context.load.apiKey.load(keyId),
      }),
    }),
  },
})
