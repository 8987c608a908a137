import type { PgBoss } from 'pg-boss'
import type { MachineCatalogue } from '../durable/machine.ts'

/** Dependencies of commands besides their transaction. */
export interface CommandDeps {
  readonly boss: PgBoss
  readonly machines: MachineCatalogue
}
