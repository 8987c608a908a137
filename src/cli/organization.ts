import { createOrganization } from '../commands/tenant/create-organization.ts'
import type { Logger } from '../logger.ts'
import { type Command, onDatabase, print, UsageError } from './command.ts'
import { withRuntime } from './with-runtime.ts'

export const organizationCommand: Command = {
  name: 'organization',
  usage: 'NAME',
  summary: 'creates an organization and prints its first API key',
  required: ['NAME'],
  async run(call) {
    const name = call.words[0]?.trim() ?? ''
    if (name.length < 1 || name.length > 200) throw new UsageError('NAME must have 1 to 200 characters.')
    return await onDatabase(call, async (url, log) => print(await addOrganization(url, name, log)))
  },
}

/** Creates an organization and returns its first key. */
async function addOrganization(url: string, name: string, log: Logger): Promise<string> {
  return await withRuntime(url, 'organization', log, async ({ db }) => {
    const { key } = await db.transaction().execute((tx) => createOrganization(tx, name))
    return key
  })
}
