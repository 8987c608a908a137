import { connectAccount, defaultScopes } from '../../../commands/account/connect-account.ts'
import { disconnectAccount } from '../../../commands/account/disconnect-account.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import { NotPermittedInState } from '../error.ts'
import { Account } from '../ref.ts'

defineMutation('connectAccount', {
  description:
    "Starts the connection of a TikTok account: returns the address of TikTok's authorization page, where the creator grants access. Connects a new account, or an existing one again. An existing connection keeps working until the creator has granted access. Requires the write scope.",
  scope: 'write',
  input: {
    description: 'Input of `connectAccount`.',
    ids: { accountId: ['Account'] },
    fields: (t) => ({
      accountId: t.id({ description: 'The account to connect again; a new account if omitted.' }),
      scopes: t.stringList({
        description: `The TikTok scopes to request. Default: ${defaultScopes.join(', ')}.`,
      }),
    }),
  },
  run: (tx, { accountId = null, scopes = null }, { deps, authorization, viewer: { organizationId } }) =>
    connectAccount(tx, deps, authorization, { organizationId, accountId, scopes }),
  redact: ({ authorizeUrl: _, ...kept }) => kept, // It is kept sealed.
  payload: {
    description: 'The result of `connectAccount`.',
    fields: (t) => ({
      account: t.field({
        type: Account,
        nullable: true,
        description:
          'The account after the mutation; null if it no longer exists. Its state changes once the creator has granted access.',
        resolve: ({ accountId }, _args, { load }) => load.account.load(accountId),
      }),
      authorizeUrl: t.string({
        description:
          "The address to open in the creator's browser. It works once and connects the account of the person who opens it, so keep it secret.",
        resolve: ({ attemptId, authorizeUrlSealed }, _args, { authorization, viewer }) =>
          authorization.unseal(authorizeUrlSealed, { organizationId: viewer.organizationId, attemptId }),
      }),
      expiresAt: t.field({
        type: 'DateTime',
        description: 'When `authorizeUrl` expires.',
        resolve: ({ expiresAt }) => new Date(expiresAt),
      }),
    }),
  },
})

defineMutation('disconnectAccount', {
  description:
    "Revokes an account's access at TikTok and deletes its tokens. Plans and history are kept; jobs that fall due wait until the account is connected again, which only its creator can do. Fails with NOT_PERMITTED_IN_STATE if the account is not connected. Requires the admin scope.",
  scope: 'admin',
  errors: [NotPermittedInState],
  input: {
    description: 'Input of `disconnectAccount`.',
    ids: { accountId: ['Account'] },
    fields: (t) => ({
      accountId: t.id({ required: true, description: 'The account to disconnect.' }),
    }),
  },
  run: (tx, { accountId }, { deps, viewer: { organizationId } }) =>
    disconnectAccount(tx, deps, { organizationId, accountId }),
  payload: {
    description: 'The result of `disconnectAccount`.',
    fields: (t) => ({
      account: t.field({
        type: Account,
        nullable: true,
        description: 'The account after the mutation; null if it no longer exists.',
        resolve: ({ accountId }, _args, { load }) => load.account.load(accountId),
      }),
    }),
  },
})
