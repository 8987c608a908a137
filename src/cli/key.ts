import { createApiKey } from '../commands/tenant/create-api-key.ts'
import type { Logger } from '../logger.ts'
import { listOrganizations, type OrganizationRecord } from '../store/tenant/organizations.ts'
import { type CommandCall, print } from './command.ts'
import { onDatabase } from './on-database.ts'
import { withRuntime } from './with-runtime.ts'

export function runKey(call: CommandCall): Promise<number> {
  return onDatabase(call, async (url, log) => {
    const result = await addKey(url, call.words[0]?.trim() ?? '', log)
    return result.kind === 'created' ? print(result.key) : print(result.message, 2)
  })
}

export type AddKeyResult =
  | { readonly kind: 'created'; readonly key: string }
  /** No single organization matches. `message` says what to do. */
  | { readonly kind: 'ambiguous'; readonly message: string }

/** Creates another key, with all scopes, for the organization of that name or id. '' matches if there is only one. */
export async function addKey(url: string, organization: string, log: Logger): Promise<AddKeyResult> {
  return await withRuntime(url, 'key', log, ({ db }) =>
    db.transaction().execute(async (tx): Promise<AddKeyResult> => {
      const all = await listOrganizations(tx)
      const matches = all.filter(
        ({ id, name }) => organization === '' || id === organization || name === organization,
      )
      const [match] = matches
      if (!match || matches.length > 1)
        return { kind: 'ambiguous', message: explainNoMatch(all, matches, organization) }
      const created = await createApiKey(tx, {
        organizationId: match.id,
        name: 'Made by the command `key`',
        scopes: ['read', 'write', 'admin'],
      })
      if (created.kind !== 'done') throw new Error(`creating the key was refused: ${created.kind}`)
      return { kind: 'created', key: created.key }
    }),
  )
}

function explainNoMatch(
  all: readonly OrganizationRecord[],
  matches: readonly OrganizationRecord[],
  organization: string,
): string {
  if (all.length === 0)
    return 'There is no organization yet. Create one with `npm start -- organization NAME`; it prints its first key.'
  const sentence =
    matches.length > 1
      ? 'There are several organizations. Name one by its name or id: `npm start -- key ORGANIZATION`.'
      : `There is no organization ${JSON.stringify(organization)}. Name one of these by its name or id.`
  const listed = (matches.length > 0 ? matches : all).map(({ id, name }) => `  ${id}  ${name}`)
  return [sentence, ...listed].join('\n')
}
