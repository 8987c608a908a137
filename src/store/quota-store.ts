import { sql } from 'kysely'
import type { Executor } from './database.ts'
import type { Metric } from './tables.ts'

export interface QuotaRecord {
  readonly metric: Metric
  readonly granted: number
  readonly reserved: number
  readonly used: number
  readonly available: number
  readonly updatedAt: Date
}

/** Every metric has its row once something of it was granted. */
export async function listQuotas(db: Executor, organizationId: string): Promise<readonly QuotaRecord[]> {
  const { rows } = await sql<QuotaRecord>`
    select metric, granted, reserved, used, available, updated_at as "updatedAt"
      from quota where organization_id = ${organizationId} order by metric`.execute(db)
  return rows
}
