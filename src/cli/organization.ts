import { createOrganization } from '../commands/tenant/create-organization.ts'
import type { Logger } from '../logger.ts'
import { type CommandCall, print, UsageError } from './command.ts'
import { onDatabase } from './on-database.ts'
import { withRuntime } from './with-runtime.ts'

export async function runOrganization(call: CommandCall): Promise<number> {
  const name = call.words[0]?.trim() ?? ''
  if (name.length < 1 || name.length > 200) throw new UsageError('NAME must have 1 to 200 characters.')
  return await onDatabase(call, async (url, log) => print(await addOrganization(url, name, log)))
}

/** Creates an organization and returns its first key. */
async function addOrganization(url: string, name: string, log: Logger): Promise<string> {
  return await withRuntime(url, 'organization', log, async ({ db }) => {
    const { key } = await db.transaction().execute((tx) => createOrganization(tx, name))
    return key
  })
}
