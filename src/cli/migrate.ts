import { type Command, onDatabase, print } from './command.ts'

export const migrateCommand: Command = {
  name: 'migrate',
  summary: 'migrates the database to this build',
  run: (call) =>
    onDatabase(call, (_url, _log, applied) =>
      print(applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'The database is up to date.'),
    ),
}
