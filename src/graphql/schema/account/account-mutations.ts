import { connectAccount, defaultScopes } from '../../../commands/account/connect-account.ts'
import { disconnectAccount } from '../../../commands/account/disconnect-account.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import { NotPermittedInState } from '../error.ts'
import { Account } from '../ref.ts'

defineMutation('connectAccount', {
  description:
    "Opens the way to TikTok's authorize page, where a creator connects an account: a new one, or again one that is known. Takes the write scope only, for it changes nothing that works: the creator decides at TikTok.",
  scope: 'write',
  input: {
    description: 'What to connect.',
    ids: { accountId: ['Account'] },
    fields: (t) => ({
      accountId: t.id({ description: 'The account to connect again; a new one if left out.' }),
      scopes: t.stringList({
        description: `What to ask the creator for, in TikTok's words. If left out: ${defaultScopes.join(', ')}.`,
      }),
    }),
  },
  run: (tx, { accountId = null, scopes = null }, { deps, authorization, viewer: { organizationId } }) =>
    connectAccount(tx, deps, authorization, { organizationId, accountId, scopes }),
  redact: ({ authorizeUrl: _, ...kept }) => kept, // It is kept sealed.
  payload: {
    description: 'The way to the authorize page.',
    fields: (t) => ({
      account: t.field({
        type: Account,
        nullable: true,
        description: 'The account as it is now. It moves on once its creator has come back.',
        resolve: ({ accountId }, _args, { load }) => load.account.load(accountId),
      }),
      authorizeUrl: t.string({
        description:
          "Where to send the creator's browser. It works once, and connects whoever opens it: give it to nobody else.",
        resolve: ({ attemptId, authorizeUrlSealed }, _args, { authorization, viewer }) =>
          authorization.unseal(authorizeUrlSealed, { organizationId: viewer.organizationId, attemptId }),
      }),
      expiresAt: t.field({
        type: 'DateTime',
        description: 'When the address has no effect any more.',
        resolve: ({ expiresAt }) => new Date(expiresAt),
      }),
    }),
  },
})

defineMutation('disconnectAccount', {
  description:
    "Gives an account's access back to TikTok, and forgets its tokens. Its plans and its history stay; what falls due waits until it is connected again. Takes the admin scope: it stops all posts of the account, and only its creator can undo it.",
  scope: 'admin',
  errors: [NotPermittedInState],
  input: {
    description: 'The account to disconnect.',
    ids: { accountId: ['Account'] },
    fields: (t) => ({
      accountId: t.id({ required: true, description: 'The account.' }),
    }),
  },
  run: (tx, { accountId }, { deps, viewer: { organizationId } }) =>
    disconnectAccount(tx, deps, { organizationId, accountId }),
  payload: {
    description: 'The account that was disconnected.',
    fields: (t) => ({
      account: t.field({
        type: Account,
        nullable: true,
        description: 'The account as it is now.',
        resolve: ({ accountId }, _args, { load }) => load.account.load(accountId),
      }),
    }),
  },
})
