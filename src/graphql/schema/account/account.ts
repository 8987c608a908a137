import { type AccountRecord, listAccounts } from '../../../store/account/accounts.ts'
import { builder } from '../builder.ts'
import { connectionOf } from '../connection.ts'
import { AccountConnection } from '../connection-type.ts'
import { Account } from '../ref.ts'
import { type AccountState as AccountStateName, accountStateOf, eventsOfAccount } from './account-view.ts'

const states: Readonly<Record<AccountStateName, { readonly description: string }>> = {
  CONNECTING: { description: 'Its creator was sent to the authorize page, and has not come back yet.' },
  CONNECTED: { description: 'Posts can be made for it.' },
  REFRESHING: { description: 'The connection is being renewed. What its old token permits goes on.' },
  NEEDS_REAUTHORIZATION: { description: 'The creator has to connect it again.' },
  REVOKED: { description: 'The creator, or TikTok, has taken the access back.' },
  DISCONNECTED: {
    description:
      'It is not connected: it was disconnected here, or nobody came back from the authorize page in time.',
  },
}
const AccountState = builder.enumType('AccountState', {
  description: 'Where an account stands between being connected and being disconnected.',
  values: states,
})

const CreatorSettings = builder
  .objectRef<NonNullable<AccountRecord['creator']> & { readonly fetchedAt: Date }>('CreatorSettings')
  .implement({
    description: 'What a creator allows, as TikTok said last. It is asked for anew before every post.',
    authScopes: { read: true },
    fields: (t) => ({
      privacyOptions: t.stringList({
        description: "The privacy levels that the creator can choose from, in TikTok's words.",
        resolve: ({ privacyLevelOptions }) => [...privacyLevelOptions],
      }),
      isCommentDisabled: t.exposeBoolean('commentDisabled', {
        description: 'Whether the creator has switched comments off.',
      }),
      isDuetDisabled: t.exposeBoolean('duetDisabled', {
        description: 'Whether the creator has switched duets off.',
      }),
      isStitchDisabled: t.exposeBoolean('stitchDisabled', {
        description: 'Whether the creator has switched stitches off.',
      }),
      maxDurationSeconds: t.exposeInt('maxDurationSeconds', {
        description: 'How long a video of theirs may play, in seconds.',
      }),
      fetchedAt: t.expose('fetchedAt', { type: 'DateTime', description: 'When TikTok said so.' }),
    }),
  })

const untilGranted = 'Empty while nobody has granted access yet.'

builder.node(Account, {
  description: 'A TikTok account. Its tokens are out of the reach of this API.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    openId: t.string({
      description: `TikTok's id of the creator, for this app. ${untilGranted}`,
      resolve: ({ openId }) => openId ?? '',
    }),
    username: t.string({
      description: `The handle, without the @. ${untilGranted}`,
      resolve: ({ username }) => username ?? '',
    }),
    displayName: t.string({
      description: `The name that viewers see. ${untilGranted}`,
      resolve: ({ displayName }) => displayName ?? '',
    }),
    state: t.field({
      type: AccountState,
      description:
        'Where it stands; `stateMachine(name: "account")` tells more, and `health` whether posts can be made.',
      resolve: ({ state }) => accountStateOf(state),
    }),
    availableEvents: t.stringList({
      description: 'What may be asked of it now: `disconnect`, by the mutation `disconnectAccount`.',
      resolve: (account) => [...eventsOfAccount(account)],
    }),
    scopes: t.stringList({
      description: 'What the creator has granted.',
      resolve: ({ scopes }) => [...scopes],
    }),
    creatorSettings: t.field({
      type: CreatorSettings,
      nullable: true,
      description: 'What the creator allows; null until TikTok was asked for the first time.',
      resolve: ({ creator, creatorFetchedAt: creatorSeenAt }) =>
        creator && creatorSeenAt && { ...creator, fetchedAt: creatorSeenAt },
    }),
    accessTokenExpiresAt: t.expose('accessExpiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the present access token ends. It is renewed by itself, whenever it is needed.',
    }),
    refreshTokenExpiresAt: t.expose('refreshExpiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the connection ends unless it is renewed, which happens by itself.',
    }),
    createdAt: t.expose('createdAt', {
      type: 'DateTime',
      description: 'When somebody first began to connect it.',
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
  }),
})

builder.queryField('accounts', (t) =>
  t.connection(
    {
      type: Account,
      description: 'The accounts, whether connected or not, the oldest first.',
      authScopes: { read: true },
      resolve: (_root, args, { viewer, read }) =>
        connectionOf({ list: 'accounts', of: viewer.organizationId }, args, (page) =>
          read((tx) => listAccounts(tx, viewer.organizationId, page)),
        ),
    },
    AccountConnection,
  ),
)
