import { connectAccount, usualScopes } from '../../../commands/account/connect-account.ts'
import { disconnectAccount } from '../../../commands/account/disconnect-account.ts'
import { idempotencyKey } from '../../mutation/idempotency-key.ts'
import { idOf, mutate, refusals } from '../../mutation/mutate.ts'
import { builder } from '../builder.ts'
import { NotPermittedInState } from '../error.ts'
import { Account } from '../ref.ts'

builder.relayMutationField(
  'connectAccount',
  {
    description: 'What to connect.',
    inputFields: (t) => ({
      accountId: t.id({ description: 'The account to connect again; a new one if left out.' }),
      scopes: t.stringList({
        description: `What to ask the creator for, in TikTok's words. If left out: ${usualScopes.join(', ')}.`,
      }),
      idempotencyKey: idempotencyKey(t),
    }),
  },
  {
    description:
      "Opens the way to TikTok's authorize page, where a creator connects an account: a new one, or again one that is known. Takes the write scope only, for it changes nothing that works: the creator decides at TikTok.",
    authScopes: { write: true },
    errors: { types: [...refusals] },
    resolve: (_root, { input }, context, info) => {
      const { organizationId } = context.viewer
      const accountId = input.accountId == null ? null : idOf('Account', input, 'accountId')
      const scopes = input.scopes ?? null
      return mutate(
        context,
        info,
        input,
        (tx) =>
          connectAccount(tx, context.deps, context.authorization, { organizationId, accountId, scopes }),
        ({ authorizeUrl: _, ...kept }) => kept, // It is kept sealed.
      )
    },
  },
  {
    description: 'The way to the authorize page.',
    authScopes: { read: true },
    outputFields: (t) => ({
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
)

builder.relayMutationField(
  'disconnectAccount',
  {
    description: 'The account to disconnect.',
    inputFields: (t) => ({
      accountId: t.id({ required: true, description: 'The account.' }),
      idempotencyKey: idempotencyKey(t),
    }),
  },
  {
    description:
      "Gives an account's access back to TikTok, and forgets its tokens. Its plans and its history stay; what falls due waits until it is connected again. Takes the admin scope: it stops all posts of the account, and only its creator can undo it.",
    authScopes: { admin: true },
    errors: { types: [...refusals, NotPermittedInState] },
    resolve: (_root, { input }, context, info) => {
      const accountId = idOf('Account', input, 'accountId')
      const { organizationId } = context.viewer
      return mutate(context, info, input, (tx) =>
        disconnectAccount(tx, context.deps, { organizationId, accountId }),
      )
    },
  },
  {
    description: 'The account that was disconnected.',
    authScopes: { read: true },
    outputFields: (t) => ({
      account: t.field({
        type: Account,
        nullable: true,
        description: 'The account as it is now.',
        resolve: ({ accountId }, _args, { load }) => load.account.load(accountId),
      }),
    }),
  },
)
