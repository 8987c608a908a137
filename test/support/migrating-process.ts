import { once } from 'node:events'
import { migrateDatabase } from '../../src/app/database.ts'
import { createLogger } from '../../src/logger.ts'

/** Does to a database what every start does, at the moment that it is told to, so that many do it at once. */
const url = process.argv[2] ?? ''
process.stdout.write('ready\n')
await once(process.stdin, 'data')
const applied = await migrateDatabase(url, createLogger('silent', false))
process.stdout.write(`applied ${applied.length}\n`)
process.exit(0)
