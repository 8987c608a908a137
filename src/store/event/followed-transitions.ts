import { sql } from 'kysely'
import type { Executor } from '../database.ts'

/** A transition of a job or an account, with what a progress display shows of it. */
export interface FollowedTransition {
  readonly sequence: number
  readonly at: Date
  /** The state that was entered. */
  readonly to: string
  /** The tag of that state. */
  readonly tag: string
  readonly progress: {
    readonly completed: number
    readonly total: number
    readonly unit: 'scenes' | 'chunks'
  } | null
  readonly jobId: string
  readonly title: string
  /** The job's current failure, as its machine wrote it; null when the job has left this state since. */
  readonly failure: object | null
  readonly sha256: string | null
  readonly publicPostIds: readonly string[] | null
  /** The account as it is now, for a transition of an account. */
  readonly account: {
    readonly id: string
    readonly username: string | null
    readonly state: string
    readonly scopes: readonly string[]
    readonly accessExpiresAt: number | null
    readonly failure: object | null
  } | null
}

/** The transitions of an organization's jobs and accounts after an event, in order. */
export async function listFollowedTransitions(
  db: Executor,
  organizationId: string,
  afterSequence: number,
): Promise<readonly FollowedTransition[]> {
  const { rows } = await sql<FollowedTransition>`
    select event.sequence, event.at, event.payload->>'to' as "to", event.payload->>'tag' as tag, event.payload->'progress' as progress,
           job.id as "jobId", coalesce(slot.storyboard->>'title', slot.caption) as title,
           case when job.state = event.payload->>'to' then nullif(job.context->'failure', 'null') end as failure,
           job.context->'media'->>'sha256' as sha256, job.context->'publicPostIds' as "publicPostIds",
           case when event.type = 'account.transitioned' then jsonb_build_object(
             'id', account.id, 'username', account.username, 'state', machine.state, 'scopes', account.scopes,
             'accessExpiresAt', machine.context->'accessExpiresAt', 'failure', machine.context->'failure') end as account
      from event
      left join (machine_instance job join slot on slot.id = job.slot_id) on job.id = event.job_id
      left join (account join machine_instance machine on machine.id = account.id)
             on account.id = event.account_id and event.type = 'account.transitioned'
     where event.organization_id = ${organizationId} and event.sequence > ${afterSequence}
       and (job.id is not null or account.id is not null)
     order by event.sequence`.execute(db)
  return rows
}
