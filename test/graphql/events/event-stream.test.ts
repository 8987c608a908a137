import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { createEventStream, type EventStream } from '../../../src/graphql/events/event-stream.ts'
import { OrganizationFeed } from '../../../src/graphql/events/organization-feed.ts'
import { createKeyWatch, type KeyWatch } from '../../../src/graphql/server/key-watch.ts'
import { appendEvent } from '../../../src/store/event/append.ts'
import { createChangeNotifier } from '../../../src/store/event/notify.ts'
import type { EventFilter, EventRecord } from '../../../src/store/event/read.ts'
import { createAccount } from '../../support/account.ts'
import { createOrganization, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/wait.ts'
import { createKey } from '../support.ts'

let database: TestDatabase

let all: { readonly filter: EventFilter; readonly keyId: string }
let keys: KeyWatch

beforeAll(async () => {
  database = await createTestDatabase()
  const { keyId } = await createKey(database, await createOrganization(database), ['read'])
  all = { filter: { kind: 'all' }, keyId }
  keys = createKeyWatch({ db: database.api.db, onError: () => undefined })
  return () => keys.close()
})

async function openEventStream(onError: (error: unknown) => void = () => undefined): Promise<EventStream> {
  return await createEventStream({ db: database.api.db, databaseUrl: database.url, keys, onError })
}

const append = (organizationId: string, type = 'test') =>
  database.runtime.db.transaction().execute((tx) => appendEvent(tx, { organizationId, type }))

async function appendMany(organizationId: string, first: number, last: number): Promise<void> {
  const { pool } = database.owner
  await pool.query(
    `insert into reelpilot.event (organization_id, sequence, type)
     select $1, n, 'test' from generate_series($2::int, $3::int) n`,
    [organizationId, first, last],
  )
  await pool.query('update reelpilot.event_head set sequence = $2 where organization_id = $1', [
    organizationId,
    last,
  ])
}

async function nextSequences(events: AsyncIterableIterator<EventRecord>, count: number): Promise<number[]> {
  const sequences: number[] = []
  while (sequences.length < count) {
    const { value, done } = await events.next()
    if (done) throw new Error(`ended after ${sequences.join(', ')}`)
    sequences.push(value.sequence)
  }
  return sequences
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

describe('an event stream', () => {
  it('delivers each event once and in order under concurrent writes and lost notifications', async () => {
    const organizationId = await createOrganization(database)
    const eventStream = await openEventStream()
    const notifications = createChangeNotifier(database.api)
    const total = 300
    for (let index = 0; index < 50; index += 1) await append(organizationId)
    const early = eventStream.subscribe(organizationId, { after: 0, ...all })
    const reading = nextSequences(early, total)
    const late: Promise<number[]>[] = []
    const writing = Array.from({ length: 5 }, async (_, writer) => {
      for (let index = 0; index < 50; index += 1) {
        await append(organizationId)
        // Only some commits are notified. The feed finds the others when it reads.
        if (index % 7 === writer || index === 49)
          notifications.send({ organizations: [organizationId], jobs: [] })
        if (index === 25)
          late.push(nextSequences(eventStream.subscribe(organizationId, { after: 10, ...all }), total - 10))
      }
    })
    await Promise.all(writing)
    expect(await reading).toEqual(upTo(total))
    for (const sequences of await Promise.all(late)) expect(sequences).toEqual(upTo(total).slice(10))
    await notifications.close()
    await eventStream.close()
  })

  it('lets a slow subscriber read the table after an overflow, without losing an event', async () => {
    const organizationId = await createOrganization(database)
    const eventStream = await openEventStream()
    const notifications = createChangeNotifier(database.api)
    const slow = eventStream.subscribe(organizationId, { after: 0, ...all })
    await append(organizationId)
    notifications.send({ organizations: [organizationId], jobs: [] })
    expect(await nextSequences(slow, 1)).toEqual([1])
    // More than a buffer holds.
    const total = 2_500
    await appendMany(organizationId, 2, total)
    const quick = eventStream.subscribe(organizationId, { after: 0, ...all })
    notifications.send({ organizations: [organizationId], jobs: [] })
    expect(await nextSequences(quick, total)).toEqual(upTo(total))
    const last = nextSequences(quick, 1)
    await append(organizationId)
    notifications.send({ organizations: [organizationId], jobs: [] })
    expect(await last).toEqual([total + 1]) // The feed has now pushed all events to the slow subscriber's buffer.
    expect(await nextSequences(slow, total)).toEqual(upTo(total + 1).slice(1))
    await notifications.close()
    await eventStream.close()
  })

  it('reports an empty feed once, even if a subscriber overflows and unsubscribes later', async () => {
    const organizationId = await createOrganization(database)
    let empty = 0
    const feed = new OrganizationFeed(
      database.api.db,
      organizationId,
      () => undefined,
      () => {
        empty += 1
      },
    )
    const buffer = await feed.subscribe()
    await appendMany(organizationId, 1, 1_500)
    feed.notify()
    await waitUntil(
      () => empty,
      (count) => count === 1,
    )
    buffer.unsubscribe()
    expect(empty).toBe(1)
  })

  it('continues after its listening connection was terminated', async () => {
    const organizationId = await createOrganization(database)
    const eventStream = await openEventStream()
    const events = eventStream.subscribe(organizationId, { after: 0, ...all })
    await append(organizationId)
    expect(await nextSequences(events, 1)).toEqual([1])
    const next = nextSequences(events, 1)
    await database.owner.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'reelpilot notifications' and datname = current_database()`,
    )
    await append(organizationId) // No notification is sent: the reconnect makes the feed read.
    expect(await next).toEqual([2])
    await eventStream.close()
  })

  it('starts at the current sequence by default, and ends on return and on close', async () => {
    const organizationId = await createOrganization(database)
    const eventStream = await openEventStream()
    const notifications = createChangeNotifier(database.api)
    await append(organizationId)
    const events = eventStream.subscribe(organizationId, { after: null, ...all })
    const first = nextSequences(events, 1)
    const more = eventStream.subscribe(organizationId, { after: 0, ...all })
    expect(await nextSequences(more, 1)).toEqual([1])
    let sent = true
    const sending = (async () => {
      while (sent) {
        await append(organizationId)
        notifications.send({ organizations: [organizationId], jobs: [] })
      }
    })()
    expect((await first)[0]).toBeGreaterThan(1)
    sent = false
    await sending
    const waiting = eventStream.subscribe(organizationId, { after: 1_000_000, ...all })
    const left = waiting.next()
    await waiting.return?.()
    expect(await left).toEqual({ value: undefined, done: true })
    const closing = eventStream.subscribe(organizationId, { after: 1_000_000, ...all }).next()
    await eventStream.close()
    expect(await closing).toEqual({ value: undefined, done: true })
    await notifications.close()
  })

  it('ends with an error at the event that revokes its key, before any later event', async () => {
    const organizationId = await createOrganization(database)
    const { keyId } = await createKey(database, organizationId, ['read'])
    const eventStream = await openEventStream()
    const events = eventStream.subscribe(organizationId, {
      after: 0,
      filter: { kind: 'family', family: 'quota' },
      keyId,
    })
    await append(organizationId, 'quota.granted')
    expect(await nextSequences(events, 1)).toEqual([2])
    const next = events.next()
    const notifications = createChangeNotifier(database.api)
    // Appends only the event: the key's row does not show the revocation yet.
    await database.runtime.db
      .transaction()
      .execute((tx) => appendEvent(tx, { organizationId, type: 'apiKey.revoked', payload: { keyId } }))
    await append(organizationId, 'quota.granted')
    notifications.send({ organizations: [organizationId], jobs: [] })
    await expect(next).rejects.toThrow(/revoked/)
    await notifications.close()
    await eventStream.close()
  })

  it('delivers nothing while its key cannot be confirmed', async () => {
    const organizationId = await createOrganization(database)
    const { keyId } = await createKey(database, organizationId, ['read'])
    let now = 0
    const keyWatch = createKeyWatch({ db: database.api.db, onError: () => undefined, now: () => now })
    const eventStream = await createEventStream({
      db: database.api.db,
      databaseUrl: database.url,
      keys: keyWatch,
      onError: () => undefined,
    })
    await appendMany(organizationId, 2, 10)
    const events = eventStream.subscribe(organizationId, { after: 0, ...all, keyId })
    expect(await nextSequences(events, 1)).toEqual([1])
    const owner = await database.owner.pool.connect()
    await owner.query('begin')
    await owner.query('lock table reelpilot.api_key in access exclusive mode')
    now += 1_000
    keyWatch.watch(keyId) // Another stream under the same key, which confirms nothing.
    const next = events.next() // Already read from the table, but not delivered.
    const outcome = await Promise.race([next, owner.query('select pg_sleep(0.1)').then(() => 'held')])
    expect(outcome).toBe('held')
    await owner.query('update reelpilot.api_key set revoked_at = now() where id = $1', [keyId])
    now += 1_000 // A check that waits for the lock sees the key as it was when the check began.
    await owner.query('commit')
    owner.release()
    await expect(next).rejects.toThrow(/revoked/)
    keyWatch.close()
    await eventStream.close()
  })
})

describe('the topics of events', () => {
  it('reach each filter live exactly as a replay does', async () => {
    const organizationId = await createOrganization(database)
    const [planId = '', slotId = '', deletedSlotId = '', jobId = ''] = Array.from({ length: 4 }, () =>
      randomUUID(),
    )
    const accountId = await createAccount(database, organizationId)
    const { pool } = database.owner
    const last = await append(organizationId)
    await pool.query(
      `insert into reelpilot.plan (id, organization_id, account_id, name, time_zone, state, revision)
       values ($1, $2, $3, 'Plan', 'UTC', 'draft', 1)`,
      [planId, organizationId, accountId],
    )
    await pool.query(
      `insert into reelpilot.slot (id, organization_id, plan_id, wall_time, publish_at, storyboard, caption, privacy)
       values ($1, $2, $3, '2030-01-01T12:00', '2030-01-01 12:00Z', '{}', 'A caption', 'SELF_ONLY')`,
      [slotId, organizationId, planId],
    )
    const events = [
      { type: 'plan.approved', planId },
      { type: 'slots.added', planId },
      { type: 'job.transitioned', slotId, jobId, jobRevision: 1 },
      { type: 'job.transitioned', slotId: deletedSlotId, jobId: randomUUID(), jobRevision: 1 },
      { type: 'account.transitioned', accountId },
      { type: 'account.slotsEndangered', accountId: randomUUID() },
      { type: 'job.late', accountId },
      { type: 'quota.granted' },
      { type: 'untyped' },
    ]
    const filters: readonly EventFilter[] = [
      { kind: 'all' },
      { kind: 'job', jobId },
      { kind: 'plan', planId },
      { kind: 'account', accountId },
      { kind: 'family', family: 'quota' },
    ]
    const eventStream = await openEventStream()
    const received = filters.map((): number[] => [])
    const ending = new AbortController()
    const started = filters.map((filter, index) => {
      const { promise, resolve } = Promise.withResolvers<number>()
      const reading = (async () => {
        const live = eventStream.follow(organizationId, { after: null, filter }, ending.signal, resolve)
        for await (const batch of live)
          received[index]?.push(...batch.map(({ sequence }: EventRecord) => sequence))
      })()
      return { promise, reading }
    })
    for (const { promise } of started) expect(await promise).toBe(last)
    for (const event of events)
      await database.runtime.db.transaction().execute((tx) => appendEvent(tx, { organizationId, ...event }))
    const notifications = createChangeNotifier(database.api)
    notifications.send({ organizations: [organizationId], jobs: [] })
    await waitUntil(
      () => received[0]?.length,
      (count) => count === events.length,
    )
    ending.abort()
    for (const { reading } of started) await reading
    const replayed = await Promise.all(
      filters.map(async (filter) => {
        const page = await eventStream.readPage(organizationId, filter, { after: last, until: 100 })
        return page.map(({ sequence }) => sequence)
      }),
    )
    expect(received).toEqual(replayed)
    expect(received.slice(1)).toEqual([[3], [1, 2, 3], [5], [8]].map((each) => each.map((n) => last + n)))
    await notifications.close()
    await eventStream.close()
  })
})
