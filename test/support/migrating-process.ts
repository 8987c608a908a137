import { once } from 'node:events'
import { migrateDatabase } from '../../src/app/database.ts'
import { createLogger } from '../../src/logger.ts'

/** Migrates a database as every start does, when a line arrives on the standard input, so that many processes begin together. */
const url = process.argv[2] ?? ''
process.stdout.write('ready\n')
await once(process.stdin, 'data')
const applied = await migrateDatabase(url, createLogger('silent', false))
process.stdout.write(`applied ${applied.length}\n`)
process.exit(0)
