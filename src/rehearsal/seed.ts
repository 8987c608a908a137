import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { bundledTimeZones } from '../commands/plan/wall-time.ts'
import { createOrganization } from '../commands/tenant/create-organization.ts'
import type { LocalTikTok } from '../simulator/simulator.ts'
import type { Db, Tx } from '../store/database.ts'
import { appendEvent } from '../store/event/append.ts'
import { lockInstallation } from '../store/install-lock.ts'
import { approveSlots } from '../store/plan/approvals.ts'
import { commitPlanTransition, insertPlan } from '../store/plan/plans.ts'
import { defaultPostSettings, insertSlots, type NewSlot } from '../store/plan/slots.ts'
import { grantQuota } from '../store/quota/adjustments.ts'
import { listOrganizations } from '../store/tenant/organizations.ts'
import { parseStoryboard } from '../storyboard/parse-storyboard.ts'
import type { Encryptor } from '../vault/encryptor.ts'
import { connectLocalAccount } from './local-account.ts'

export interface SeededRehearsal {
  readonly organizationId: string
  /** The first API key, with all scopes; null for an earlier seed, of which only the key's hash is stored. */
  readonly apiKey: string | null
}

const storyboards = new URL('./storyboards/', import.meta.url)
const rehearsalName = 'Rehearsal'
/** When the slots are due, in seconds after the seed. */
const slotDueSeconds = [20, 60, 100]

/**
 * Fills an empty database: an organization with quota and a key, an account at the local TikTok, and an approved plan on
 * autopilot with slots in the next minutes. Returns the existing rehearsal of a database that was seeded before, and null
 * for a database with other organizations only.
 */
export async function seedRehearsal(
  db: Db,
  tiktok: LocalTikTok,
  encryptor: Encryptor,
): Promise<SeededRehearsal | null> {
  return await db.transaction().execute(async (tx) => {
    // Several rehearsals may start at once on one database: the first one seeds it.
    await lockInstallation(tx)
    const organizations = await listOrganizations(tx)
    const known = organizations.find(({ name }) => name === rehearsalName)
    if (known) return { organizationId: known.id, apiKey: null }
    if (organizations.length > 0) return null
    const { organizationId, key } = await createOrganization(tx, rehearsalName)
    await grantQuota(tx, organizationId, { metric: 'videos', amount: 1_000 }, 'rehearsal')
    await grantQuota(tx, organizationId, { metric: 'seconds', amount: 60_000 }, 'rehearsal')

    const accountId = await connectLocalAccount(tx, tiktok, encryptor, {
      organizationId,
      username: 'dailyfacts',
      nickname: 'Daily Facts',
    })
    await seedPlan(tx, organizationId, accountId)
    return { organizationId, apiKey: key }
  })
}

async function seedPlan(tx: Tx, organizationId: string, accountId: string): Promise<void> {
  const planId = randomUUID()
  const name = 'Facts of the day'
  await insertPlan(tx, { id: planId, organizationId, accountId, name, timeZone: 'UTC', state: 'draft' })
  const briefs = await readBriefs()
  const slots = slotDueSeconds.flatMap((seconds, index): NewSlot[] => {
    const brief = briefs[index % briefs.length]
    return brief ? [newSlot(brief, new Date(Date.now() + seconds * 1_000))] : []
  })
  await insertSlots(tx, organizationId, planId, slots)
  await approveSlots(tx, organizationId, planId)
  await commitPlanTransition(tx, {
    planId,
    expectedRevision: 1,
    state: 'approved',
    autopilot: true,
    locked: false,
  })
  await appendEvent(tx, { organizationId, type: 'plan.approved', planId, payload: { by: 'rehearsal' } })
}

function newSlot({ storyboard, caption }: Brief, publishAt: Date): NewSlot {
  return {
    id: randomUUID(),
    wallTime: publishAt.toISOString().slice(0, 19),
    publishAt,
    tzdataVersion: bundledTimeZones.version,
    storyboard,
    mediaId: null,
    ...defaultPostSettings,
    caption,
    privacy: 'PUBLIC_TO_EVERYONE',
  }
}

interface Brief {
  readonly storyboard: object
  readonly caption: string
}

/** Reads the example storyboards in the order of their file names, each with its title as caption. */
async function readBriefs(): Promise<readonly Brief[]> {
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
