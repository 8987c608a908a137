import { parse, validate } from 'graphql'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createEventStream, type EventStream } from '../../../src/graphql/events/event-stream.ts'
import { sharedOperationOf } from '../../../src/graphql/events/shared-operation.ts'
import { SharedSubscriber } from '../../../src/graphql/events/shared-subscriber.ts'
import { createSharedSubscriptions } from '../../../src/graphql/events/shared-subscriptions.ts'
import { schema } from '../../../src/graphql/schema/schema.ts'
import type { Context } from '../../../src/graphql/server/context.ts'
import { createKeyWatch, type KeyWatch } from '../../../src/graphql/server/key-watch.ts'
import { createLogger } from '../../../src/logger.ts'
import { createOrganization, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/wait.ts'
import { createKey } from '../support.ts'

const viewer = { organizationId: 'a', keyId: 'k', scopes: new Set(['read'] as const) }
const origin = 'http://api.test'
const base = {
  query: 'subscription Follow($after: SafeInt) { events(after: $after) { sequence } }',
  variables: {} as Record<string, unknown>,
  operationName: null as string | null,
  context: { viewer, origin } as Pick<Context, 'viewer' | 'origin'>,
}

function operationOf(change: Partial<typeof base>) {
  const { query, ...rest } = { ...base, ...change }
  const document = parse(query)
  expect(validate(schema, document)).toEqual([])
  return sharedOperationOf({ schema, document, ...rest })
}

describe('the key of a shared subscription', () => {
  it.each([
    ['its layout', { query: base.query.replaceAll(' ', '\n  ') }],
    ['its comments', { query: `# a comment\n${base.query}` }],
    ['where it resumes', { variables: { after: 17 } }],
    ['the API key', { context: { viewer: { ...viewer, keyId: 'other' }, origin } }],
  ])('does not depend on %s', (_name, change) => {
    expect(operationOf(change).key).toBe(operationOf({}).key)
  })

  it('does not depend on a literal from which it resumes, in a fragment too', () => {
    const literal = (after: number) =>
      operationOf({
        query: `subscription { ...F } fragment F on Subscription { events(after: ${after}) { sequence } }`,
      })
    expect(literal(1).key).toBe(literal(2).key)
  })

  const narrow = { query: 'subscription A($id: ID!) { jobEvents(jobId: $id) { sequence } }' }
  const paged = `subscription ($after: SafeInt!, $first: Int) {
    planEvents(planId: "p", after: $after) { plan { slots(first: $first) { nodes { id } } } } }`
  const two =
    'subscription A { events { sequence } } subscription B { quotaEvents(after: 1) { sequence type } }'
  it.each([
    ['organization', {}, { context: { viewer: { ...viewer, organizationId: 'b' }, origin } }],
    ['scopes', {}, { context: { viewer: { ...viewer, scopes: new Set(['admin'] as const) }, origin } }],
    ['origin of links', {}, { context: { viewer, origin: 'https://other.test' } }],
    ['fields', {}, { query: base.query.replace('sequence', 'sequence type') }],
    ['variables', { ...narrow, variables: { id: '1' } }, { ...narrow, variables: { id: '2' } }],
    ['operation', { query: two, operationName: 'A' }, { query: two, operationName: 'B' }],
    [
      'variables that are used for more than resuming',
      { query: paged, variables: { after: 1, first: 1 } },
      { query: paged, variables: { after: 1, first: 2 } },
    ],
  ])('depends on the %s', (_name, one, other) => {
    expect(operationOf(one).key).not.toBe(operationOf(other).key)
  })

  it('drops variables that only say where to resume, even if they are required', () => {
    const operation = operationOf({
      query: 'subscription ($after: SafeInt!) { events(after: $after) { sequence } }',
      variables: { after: 3 },
    })
    expect(operation.variables).toEqual({})
    expect(operation.document.definitions[0]).toMatchObject({ variableDefinitions: [] })
  })
})

describe('equal subscriptions', () => {
  let database: TestDatabase
  let eventStream: EventStream
  let keys: KeyWatch
  const open: SharedSubscriber[] = []

  beforeAll(async () => {
    database = await createTestDatabase()
    const { db } = database.api
    keys = createKeyWatch({ db, onError: () => undefined })
    eventStream = await createEventStream({ db, databaseUrl: database.url, keys, onError: () => undefined })
    return async () => {
      keys.close()
      await eventStream.close()
    }
  })
  afterEach(async () => {
    for (const each of open.splice(0)) await each.return()
  })

  it('share one execution, others have their own, and none is left after the last subscriber', async () => {
    const [first, second] = [await createOrganization(database), await createOrganization(database)]
    const { keyId } = await createKey(database, first, ['read'])
    let executions = 0
    const counted: EventStream = {
      ...eventStream,
      follow: (...args) => {
        executions += 1
        return eventStream.follow(...args)
      },
    }
    const shared = createSharedSubscriptions(keys, createLogger('error', false))
    const start = async (organizationId: string, query: string, scopes: readonly ('read' | 'admin')[]) => {
      const context = {
        eventStream: counted,
        viewer: { organizationId, keyId, scopes: new Set(scopes) },
        read: () => Promise.resolve(100), // The last sequence.
        origin,
      } as unknown as Context // A subscription of plain fields needs no more of it.
      const transport = { bufferedBytes: 0, sendAll: () => undefined, send: () => undefined }
      const args = { schema, document: parse(query), contextValue: context }
      const subscriber = await shared.open(args, transport)
      if (!(subscriber instanceof SharedSubscriber)) throw new Error(JSON.stringify(subscriber))
      open.push(subscriber)
      return subscriber.next()
    }
    const query = 'subscription { events { sequence } }'
    const untilOpen = (count: number) =>
      waitUntil(
        () => open.length,
        (length) => length === count,
      )
    const ends = [start(first, query, ['read']), start(first, `${query} # again`, ['read'])]
    await untilOpen(2)
    expect(executions).toBe(1)
    ends.push(start(first, query, ['admin']), start(second, query, ['read']))
    await untilOpen(4)
    expect(executions).toBe(3)
    for (const each of open.splice(0)) await each.return()
    expect(await Promise.all(ends)).toEqual(
      Array.from({ length: 4 }, () => ({ value: undefined, done: true })),
    )
    const last = start(first, query, ['read'])
    await untilOpen(1)
    expect(executions).toBe(4)
    for (const each of open.splice(0)) await each.return()
    await last
  })
})
