import { type AccountRecord, listAccounts } from '../../../store/account/accounts.ts'
import { builder } from '../builder.ts'
import { connectionOf } from '../connection.ts'
import { AccountConnection } from '../connection-type.ts'
import { Account } from '../ref.ts'
import { type AccountState as AccountStateName, accountStateOf, eventsOfAccount } from './account-view.ts'

const states: Readonly<Record<AccountStateName, { readonly description: string }>> = {
  CONNECTING: {
    description: "The creator was sent to TikTok's authorization page and has not returned yet.",
  },
  CONNECTED: { description: 'The account is connected: its access token is valid or can be refreshed.' },
  REFRESHING: {
    description: 'The access token is being refreshed. Calls continue under the old token while it is valid.',
  },
  NEEDS_REAUTHORIZATION: {
    description: 'TikTok refused the refresh token. The creator must connect the account again.',
  },
  REVOKED: {
    description:
      'The creator or TikTok revoked the authorization. The creator must connect the account again.',
  },
  DISCONNECTED: {
    description:
      'The account was disconnected here, or the authorization page expired before the creator returned.',
  },
}
const AccountState = builder.enumType('AccountState', {
  description: "The state of an account's connection to TikTok.",
  values: states,
})

const CreatorSettings = builder
  .objectRef<NonNullable<AccountRecord['creator']> & { readonly fetchedAt: Date }>('CreatorSettings')
  .implement({
    description:
      'The posting settings of a TikTok creator, as TikTok last reported them. They are fetched again before every post.',
    authScopes: { read: true },
    fields: (t) => ({
      privacyOptions: t.stringList({
        description: 'The privacy levels that the creator may choose, as TikTok names them.',
        resolve: ({ privacyLevelOptions }) => [...privacyLevelOptions],
      }),
      isCommentDisabled: t.exposeBoolean('commentDisabled', {
        description: 'Whether the creator has turned comments off.',
      }),
      isDuetDisabled: t.exposeBoolean('duetDisabled', {
        description: 'Whether the creator has turned duets off.',
      }),
      isStitchDisabled: t.exposeBoolean('stitchDisabled', {
        description: 'Whether the creator has turned stitches off.',
      }),
      maxDurationSeconds: t.exposeInt('maxDurationSeconds', {
        description: 'The longest video that the creator may post, in seconds.',
      }),
      fetchedAt: t.expose('fetchedAt', {
        type: 'DateTime',
        description: 'When TikTok reported these settings.',
      }),
    }),
  })

const untilGranted = 'Empty until the creator has granted access.'

builder.node(Account, {
  description: 'A TikTok account. Its tokens are never exposed.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    openId: t.string({
      description: `TikTok's id of the creator, specific to this app. ${untilGranted}`,
      resolve: ({ openId }) => openId ?? '',
    }),
    username: t.string({
      description: `The creator's handle, without the \`@\`. ${untilGranted}`,
      resolve: ({ username }) => username ?? '',
    }),
    displayName: t.string({
      description: `The creator's display name. ${untilGranted}`,
      resolve: ({ displayName }) => displayName ?? '',
    }),
    state: t.field({
      type: AccountState,
      description:
        'The state of the connection. `stateMachine(name: "account")` describes all states; `health` tells whether posts can be published.',
      resolve: ({ state }) => accountStateOf(state),
    }),
    availableEvents: t.stringList({
      description:
        'The events that a client may send to the account now. `disconnect` is sent by `disconnectAccount`.',
      resolve: (account) => [...eventsOfAccount(account)],
    }),
    scopes: t.stringList({
      description: 'The TikTok scopes that the creator has granted.',
      resolve: ({ scopes }) => [...scopes],
    }),
    creatorSettings: t.field({
      type: CreatorSettings,
      nullable: true,
      description: "The creator's posting settings; null until TikTok was asked for the first time.",
      resolve: ({ creator, creatorFetchedAt: creatorSeenAt }) =>
        creator && creatorSeenAt && { ...creator, fetchedAt: creatorSeenAt },
    }),
    accessTokenExpiresAt: t.expose('accessExpiresAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When the access token expires; null if there is none. It is refreshed automatically when needed.',
    }),
    refreshTokenExpiresAt: t.expose('refreshExpiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the refresh token expires; null if there is none. Each refresh renews it.',
    }),
    createdAt: t.expose('createdAt', {
      type: 'DateTime',
      description: 'When the connection was first started.',
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When the account last changed.' }),
  }),
})

builder.queryField('accounts', (t) =>
  t.connection(
    {
      type: Account,
      description: 'The accounts, connected or not, oldest first.',
      authScopes: { read: true },
      resolve: (_root, args, { viewer, read }) =>
        connectionOf({ list: 'accounts', of: viewer.organizationId }, args, (page) =>
          read((tx) => listAccounts(tx, viewer.organizationId, page)),
        ),
    },
    AccountConnection,
  ),
)
