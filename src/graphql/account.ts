import { listAccounts } from '../store/account-store.ts'
import { builder } from './builder.ts'
import { connectionOf } from './connection.ts'
import { AccountConnection } from './connection-type.ts'
import { Account } from './ref.ts'

const AccountState = builder.enumType('AccountState', {
  description: 'Whether posts can be made for an account.',
  values: {
    CONNECTED: { value: 'connected', description: 'They can.' },
    NEEDS_REAUTHORIZATION: {
      value: 'needs_reauthorization',
      description: 'The creator has to connect it again.',
    },
    DISCONNECTED: { value: 'disconnected', description: 'The creator has taken the connection back.' },
  } as const,
})

builder.node(Account, {
  description: 'A connected TikTok account. Its tokens are out of the reach of this API.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    openId: t.exposeString('openId', { description: "TikTok's id of the creator, for this app." }),
    username: t.exposeString('username', { description: 'The handle, without the @.' }),
    displayName: t.exposeString('displayName', { description: 'The name that viewers see.' }),
    state: t.expose('state', { type: AccountState, description: 'Whether posts can be made for it.' }),
    scopes: t.stringList({
      description: 'What the creator has granted.',
      resolve: ({ scopes }) => [...scopes],
    }),
    refreshExpiresAt: t.expose('refreshExpiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the connection ends unless it is renewed.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was connected.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
  }),
})

builder.queryField('accounts', (t) =>
  t.connection(
    {
      type: Account,
      description: 'The connected accounts, the oldest first.',
      authScopes: { read: true },
      resolve: (_root, args, { viewer, read }) =>
        connectionOf(args, (page) => read((tx) => listAccounts(tx, viewer.organizationId, page))),
    },
    AccountConnection,
  ),
)
