import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { bundledTimeZones } from '../commands/plan/wall-time.ts'
import { createOrganization } from '../commands/tenant/create-organization.ts'
import type { LocalTikTok } from '../simulator/local-tiktok.ts'
import type { Db } from '../store/database.ts'
import { appendEvent } from '../store/event/append.ts'
import { lockInstallation } from '../store/install-lock.ts'
import { approveSlots } from '../store/plan/approvals.ts'
import { grantQuota } from '../store/quota/adjustments.ts'
import { parseStoryboard } from '../storyboard/storyboard.ts'
import type { Sealer } from '../vault/sealer.ts'
import { connectLocalAccount } from './local-account.ts'

export interface Rehearsal {
  readonly organizationId: string
  /** Its first key, with all scopes; null if it was made before, for only its hash is stored. */
  readonly apiKey: string | null
}

const storyboards = new URL('./storyboards/', import.meta.url)
const rehearsalName = 'Rehearsal'
/** When the slots of the rehearsal fall due, in seconds from its start. */
const slotSeconds = [20, 60, 100]

/**
 * Fills an empty database so that there is something to see: an organization with quota and a key, an account at the
 * local TikTok, and an approved plan on autopilot with slots in the next minutes. Of a database that was filled before it
 * answers what there is, and null if there are other organizations only.
 */
export async function seedRehearsal(db: Db, tiktok: LocalTikTok, sealer: Sealer): Promise<Rehearsal | null> {
  return await db.transaction().execute(async (tx) => {
    // Of several rehearsals that start at once on one database, the first fills it.
    await lockInstallation(tx)
    const organizations = await tx.selectFrom('organization').select(['id', 'name']).execute()
    const known = organizations.find(({ name }) => name === rehearsalName)
    if (known) return { organizationId: known.id, apiKey: null }
    if (organizations.length > 0) return null
    const { organizationId, key } = await createOrganization(tx, rehearsalName)
    await grantQuota(tx, organizationId, { metric: 'videos', amount: 1_000 }, 'rehearsal')
    await grantQuota(tx, organizationId, { metric: 'seconds', amount: 60_000 }, 'rehearsal')

    const accountId = await connectLocalAccount(tx, tiktok, sealer, {
      organizationId,
      username: 'dailyfacts',
      nickname: 'Daily Facts',
    })

    const planId = randomUUID()
    await tx
      .insertInto('plan')
      .values({
        id: planId,
        organization_id: organizationId,
        account_id: accountId,
        name: 'Facts of the day',
        time_zone: 'UTC',
        state: 'approved',
        revision: 1,
        autopilot: true,
        approved_at: new Date(),
      })
      .execute()
    const briefs = await readStoryboards()
    for (const [index, seconds] of slotSeconds.entries()) {
      const brief = briefs[index % briefs.length]
      if (!brief) continue
      const publishAt = new Date(Date.now() + seconds * 1_000)
      await tx
        .insertInto('slot')
        .values({
          id: randomUUID(),
          organization_id: organizationId,
          plan_id: planId,
          wall_time: publishAt.toISOString().slice(0, 19),
          publish_at: publishAt,
          tzdata_version: bundledTimeZones.version,
          storyboard: JSON.stringify(brief.storyboard),
          caption: brief.caption,
          privacy: 'PUBLIC_TO_EVERYONE',
        })
        .execute()
    }
    await approveSlots(tx, organizationId, planId)
    await appendEvent(tx, { organizationId, type: 'plan.approved', planId, payload: { by: 'rehearsal' } })
    return { organizationId, apiKey: key }
  })
}

/** The example storyboards, in order of their names, with their titles for captions. */
async function readStoryboards(): Promise<
  readonly { readonly storyboard: object; readonly caption: string }[]
> {
  const files = (await readdir(storyboards)).filter((file) => file.endsWith('.json')).sort()
  return await Promise.all(
    files.map(async (file) => {
      const parsed = parseStoryboard(JSON.parse(await readFile(new URL(file, storyboards), 'utf8')))
      if (parsed.kind === 'invalid') throw new Error(`${file}: ${JSON.stringify(parsed.issues)}`)
      const { storyboard } = parsed
      return { storyboard, caption: `${storyboard.title ?? file.replace(/\.json$/, '')} #facts` }
    }),
  )
}
