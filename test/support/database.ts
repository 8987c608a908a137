import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { type Connection, connect } from '../../src/store/database.ts'
import { afterFile } from './after-file.ts'

export interface TestDatabase {
  readonly url: string
  readonly owner: Connection
  readonly runtime: Connection
  readonly api: Connection
}

/** A fresh, migrated database of its own for the calling test file, dropped when the file is done. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = new URL(inject('serverUrl'))
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await admin(server, `create database ${name} template reelpilot`)
  const url = new URL(server)
  url.pathname = `/${name}`
  const open = (role: Parameters<typeof connect>[1]) =>
    connect(url.href, role, { max: 10, name: `test ${role}`, onError: () => undefined })
  const database = {
    url: url.href,
    owner: open('owner'),
    runtime: open('reelpilot_runtime'),
    api: open('reelpilot_api'),
  }
  afterFile(async () => {
    for (const connection of [database.owner, database.runtime, database.api]) await connection.close()
    await admin(server, `drop database ${name} with (force)`)
  })
  return database
}

async function admin(server: URL, statement: string): Promise<void> {
  const url = new URL(server)
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Inserts an organization. */
export async function createOrganization({ runtime }: TestDatabase, name = 'Test'): Promise<string> {
  const id = randomUUID()
  await runtime.db.insertInto('organization').values({ id, name }).execute()
  await runtime.db.insertInto('event_head').values({ organization_id: id }).execute()
  return id
}
