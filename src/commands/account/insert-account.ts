import { accountMachine } from '../../definitions/machines.ts'
import { wakeAtOf } from '../../durable/checkpoint.ts'
import { decide, initialCheckpoint } from '../../durable/decide.ts'
import { insertAccount, writeCreator } from '../../store/account/accounts.ts'
import { type NewTokens, writeTokens } from '../../store/account/tokens.ts'
import { type Executor, readDatabaseTime } from '../../store/database.ts'
import { insertInstance } from '../../store/job/jobs.ts'
import type { Creator } from './authorize-account.ts'

/**
 * Inserts an account that is connected already, for a grant without a browser. Its only timer is the keep-alive, months away:
 * no wake-up is queued, because the sweep finds it.
 */
export async function insertConnectedAccount(
  db: Executor,
  account: {
    readonly accountId: string
    readonly organizationId: string
    readonly creator: Creator
    readonly tokens: NewTokens
  },
): Promise<void> {
  const { accountId, organizationId, creator } = account
  await insertAccount(db, { id: accountId, organizationId, scopes: creator.scopes })
  await writeCreator(db, accountId, creator)
  const expiry = await writeTokens(db, accountId, account.tokens, null)
  if (!expiry) throw new Error(`account ${accountId} does not exist`)
  const facts = { at: await readDatabaseTime(db), key: `${accountId}/1`, epoch: null }
  const connecting = initialCheckpoint(accountMachine, { accountId }, facts)
  const decision = decide(accountMachine, connecting, { type: 'authorized', ...expiry }, facts)
  if (decision.kind === 'refused') throw new Error(`${decision.event} was refused in ${decision.state}`)
  const { checkpoint } = decision
  const wakeAt = wakeAtOf(checkpoint, facts.at)
  await insertInstance(db, { id: accountId, organizationId, slotId: null, accountId, checkpoint, wakeAt })
}
