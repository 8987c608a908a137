import { type CommandCall, print } from './command.ts'
import { onDatabase } from './on-database.ts'

export function runMigrate(call: CommandCall): Promise<number> {
  return onDatabase(call, (_url, _log, applied) =>
    print(applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'The database is up to date.'),
  )
}
