import { sql } from 'kysely'
import type { Db } from '../database.ts'

/** A clip of an organization. */
export interface ClipId {
  readonly organizationId: string
  readonly clipKey: string
}

/** Who renders a clip: this machine, another one that has renewed its row a moment ago, or nobody any more, because it is stored. */
export type RenderClaim =
  | { readonly kind: 'ours' }
  | { readonly kind: 'elsewhere'; readonly progress: number }
  | { readonly kind: 'finished'; readonly sha256: string; readonly bytes: number }

/** A machine that has not renewed its row for so long is assumed dead. It renews every second. */
const staleAfter = sql`make_interval(secs => 20)`

/** Claims clips for a machine, unless they are finished or another machine renders them. Returns what is true now, by key. */
export async function claimRenders(
  db: Db,
  machine: string,
  organizationId: string,
  clipKeys: readonly string[],
): Promise<ReadonlyMap<string, RenderClaim>> {
  // Most calls change nothing: the machine renews its rows itself.
  const known = await readClaims(db, machine, organizationId, clipKeys)
  const open = clipKeys.filter((clipKey) => !known.has(clipKey)).toSorted()
  if (open.length === 0) return known
  await sql`
    insert into clip_render (organization_id, clip_key, machine)
    select ${organizationId}, clip_key, ${machine} from unnest(${open}::text[]) as clip_key order by clip_key
    on conflict (organization_id, clip_key) do update set machine = excluded.machine, renewed_at = now(), progress = 0
     where clip_render.sha256 is null and clip_render.renewed_at < now() - ${staleAfter}`.execute(db)
  return new Map([...known, ...(await readClaims(db, machine, organizationId, open))])
}

async function readClaims(
  db: Db,
  machine: string,
  organizationId: string,
  clipKeys: readonly string[],
): Promise<ReadonlyMap<string, RenderClaim>> {
  const { rows } = await sql<{
    clipKey: string
    isOurs: boolean
    progress: number
    sha256: string | null
    bytes: number | null
  }>`
    select clip_key as "clipKey", machine = ${machine} as "isOurs", progress, sha256, bytes::float8 as bytes
      from clip_render
     where organization_id = ${organizationId} and clip_key = any(${clipKeys}::text[])
       and (sha256 is not null or renewed_at >= now() - ${staleAfter})`.execute(db)
  return new Map(
    rows.map(({ clipKey, isOurs, progress, sha256, bytes }): [string, RenderClaim] => {
      if (sha256 !== null) return [clipKey, { kind: 'finished', sha256, bytes: bytes ?? 0 }]
      return [clipKey, isOurs ? { kind: 'ours' } : { kind: 'elsewhere', progress }]
    }),
  )
}

/** Renews a machine's unfinished clips. Returns those that it still holds. */
export async function renewRenders(
  db: Db,
  machine: string,
  clips: readonly (ClipId & { readonly progress: number })[],
): Promise<readonly ClipId[]> {
  if (clips.length === 0) return []
  const { rows } = await sql<ClipId>`
    with held as (
      select organization_id, clip_key, now.progress
        from unnest(${clips.map((clip) => clip.organizationId)}::uuid[], ${clips.map((clip) => clip.clipKey)}::text[],
                    ${clips.map((clip) => clip.progress)}::real[]) as now (organization_id, clip_key, progress)
        join clip_render using (organization_id, clip_key)
       where machine = ${machine} and sha256 is null
       order by organization_id, clip_key for no key update of clip_render
    )
    update clip_render set renewed_at = now(), progress = held.progress from held
     where clip_render.organization_id = held.organization_id and clip_render.clip_key = held.clip_key
    returning clip_render.organization_id as "organizationId", clip_render.clip_key as "clipKey"`.execute(db)
  return rows
}

/** Records that a machine has stored a clip. */
export async function finishRender(
  db: Db,
  machine: string,
  { organizationId, clipKey, sha256, bytes }: ClipId & { readonly sha256: string; readonly bytes: number },
): Promise<void> {
  await sql`
    update clip_render set sha256 = ${sha256}, bytes = ${bytes}, progress = 1, renewed_at = now()
     where organization_id = ${organizationId} and clip_key = ${clipKey} and machine = ${machine}`.execute(db)
}

/** Gives a machine's unfinished clip up, so that another one can begin at once. */
export async function releaseRender(
  db: Db,
  machine: string,
  { organizationId, clipKey }: ClipId,
): Promise<void> {
  await sql`
    delete from clip_render where organization_id = ${organizationId} and clip_key = ${clipKey}
       and machine = ${machine} and sha256 is null`.execute(db)
}

/** Forgets a stored clip whose file is gone. */
export async function forgetRender(
  db: Db,
  { organizationId, clipKey, sha256 }: ClipId & { readonly sha256: string },
): Promise<void> {
  await sql`
    delete from clip_render where organization_id = ${organizationId} and clip_key = ${clipKey}
       and sha256 = ${sha256}`.execute(db)
}
