import { createApiKey } from '../commands/tenant/create-api-key.ts'
import type { Logger } from '../logger.ts'
import { connect } from '../store/database.ts'
import { listOrganizations, type OrganizationRecord } from '../store/tenant/organizations.ts'

export type KeyMade =
  | { readonly kind: 'made'; readonly key: string }
  /** There is no organization that is meant for certain. `why` says what to do. */
  | { readonly kind: 'unclear'; readonly why: string }

/** Makes another key, with all scopes, for the organization of that name or id; the name may be '' where there is one only. */
export async function addKey(url: string, wanted: string, log: Logger): Promise<KeyMade> {
  const onError = (error: Error) => log.warn({ err: error }, 'database connection')
  const runtime = connect(url, 'reelpilot_runtime', { max: 1, name: 'reelpilot key', onError })
  try {
    return await runtime.db.transaction().execute(async (tx): Promise<KeyMade> => {
      const all = await listOrganizations(tx)
      const meant = all.filter(({ id, name }) => wanted === '' || id === wanted || name === wanted)
      const [organization] = meant
      if (!organization || meant.length > 1) return { kind: 'unclear', why: whyUnclear(all, meant, wanted) }
      const made = await createApiKey(tx, {
        organizationId: organization.id,
        name: 'Made by the command `key`',
        scopes: ['read', 'write', 'admin'],
      })
      if (made.kind !== 'done') throw new Error(`the key was refused: ${made.kind}`)
      return { kind: 'made', key: made.key }
    })
  } finally {
    await runtime.close()
  }
}

function whyUnclear(
  all: readonly OrganizationRecord[],
  meant: readonly OrganizationRecord[],
  wanted: string,
): string {
  if (all.length === 0)
    return 'There is no organization yet: `npm start -- organization NAME` makes one and prints its first key.'
  const sentence =
    meant.length > 1
      ? 'There are several organizations; say which by its name or id: `npm start -- key ORGANIZATION`.'
      : `There is no organization ${JSON.stringify(wanted)}; say one of these by its name or id.`
  const listed = (meant.length > 0 ? meant : all).map(({ id, name }) => `  ${id}  ${name}`)
  return [sentence, ...listed].join('\n')
}
