import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { initialCheckpoint } from '../../src/durable/decide.ts'
import type { Transition } from '../../src/durable/instance-store.ts'
import { queues } from '../../src/queue/queue-settings.ts'
import { queueWakeUps, wakeUpId } from '../../src/queue/wake.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { toyMachine } from '../support/toy-machine.ts'
import { createToyProcess, startToyJob } from '../support/toy-runtime.ts'
import { waitUntil } from '../support/wait.ts'

const database = await createTestDatabase()

it('a commit of one organization does not wait for another whose event sequence is locked', async () => {
  const [locked, other] = [await createOrganization(database), await createOrganization(database)]
  const { boss, runtime, stop } = await createToyProcess(database, { supervises: false })
  const transitionOf = async (organizationId: string): Promise<Transition> => {
    const jobId = await startToyJob(database, boss, organizationId)
    const facts = { at: Date.now(), key: `${jobId}/2`, epoch: null }
    const next = initialCheckpoint(toyMachine, { laps: 3 }, facts)
    return {
      jobId,
      organizationId,
      expectedRevision: 1,
      epoch: null,
      from: 'running',
      event: 'note',
      next,
      wakeAt: Date.now(),
      release: false,
    }
  }
  // More than the calls that may run for one organization.
  const ofLocked = await Promise.all(Array.from({ length: 5 }, () => transitionOf(locked)))
  const ofOther = await Promise.all(Array.from({ length: 5 }, () => transitionOf(other)))
  const client = await database.owner.pool.connect()
  try {
    await client.query('begin')
    await client.query('select from reelpilot.event_head where organization_id = $1 for update', [locked])
    const commit = (transition: Transition) => runtime.instanceStore.commit(transition)
    const waiting = ofLocked.map(commit)
    const committed = await Promise.all(ofOther.map(commit))
    expect(committed.map(({ kind }) => kind)).toEqual(Array(5).fill('committed'))
    await client.query('rollback')
    const later = await Promise.all(waiting)
    const sequences = later.map((result) => (result.kind === 'committed' ? result.sequence : 0))
    expect(sequences.toSorted((a, b) => a - b)).toEqual([6, 7, 8, 9, 10])
  } finally {
    client.release()
    await stop()
  }
}, 20_000)

it('leases of the same moment do not wait for an instance that a transaction has locked', async () => {
  const organizationId = await createOrganization(database)
  const { boss, runtime, stop } = await createToyProcess(database, { supervises: false })
  const { instanceStore } = runtime
  const start = () => startToyJob(database, boss, organizationId)
  const locked = await start()
  const others = [await start(), await start()]
  const missing = '00000000-0000-4000-8000-000000000000'
  const client = await database.owner.pool.connect()
  try {
    await client.query('begin')
    await client.query('select from reelpilot.machine_instance where id = $1 for update', [locked])
    const waiting = instanceStore.acquireLease(locked)
    const acquired = await Promise.all([...others, missing, ...others].map(instanceStore.acquireLease))
    expect(acquired.map(({ kind }) => kind)).toEqual([
      ...['acquired', 'acquired', 'missing'],
      // The second wake-up of the same instance.
      ...['leasedElsewhere', 'leasedElsewhere'],
    ])
    await client.query('rollback')
    expect(await waiting).toMatchObject({ kind: 'acquired', instance: { epoch: 1, revision: 1 } })

    const [first = '', second = ''] = others
    await database.owner.pool.query('update reelpilot.machine_instance set revision = 2 where id = $1', [
      second,
    ])
    await client.query('begin')
    await client.query('select from reelpilot.machine_instance where id = $1 for update', [locked])
    const late = instanceStore.release(locked, 1, 1)
    // The second has a revision that nobody was woken for: its lease is kept.
    const released = [first, second].map((jobId) => instanceStore.release(jobId, 1, 1))
    expect(await Promise.all(released)).toEqual([true, false])
    await client.query('rollback')
    expect(await late).toBe(true)
    const again = await Promise.all([locked, first, second].map(instanceStore.acquireLease))
    expect(again.map(({ kind }) => kind)).toEqual(['acquired', 'acquired', 'leasedElsewhere'])
  } finally {
    client.release()
    await stop()
  }
}, 20_000)

it('a locked instance does not delay the renewal of other leases, and is renewed once it is free', async () => {
  const organizationId = await createOrganization(database)
  // Renews every lease ten times a second.
  const { boss, runtime, stop } = await createToyProcess(database, { supervises: false, renewEveryMs: 100 })
  const { instanceStore, keeper } = runtime
  const [locked, other] = [
    await startToyJob(database, boss, organizationId),
    await startToyJob(database, boss, organizationId),
  ]
  const leased = [locked, other].map(async (jobId) => {
    await instanceStore.acquireLease(jobId)
    return keeper.track(jobId, 1)
  })
  const [lockedLease, otherLease] = await Promise.all(leased)
  const leaseOf = async (jobId: string) =>
    (
      await database.runtime.db
        .selectFrom('machine_instance')
        .select('lease_until')
        .where('id', '=', jobId)
        .executeTakeFirstOrThrow()
    ).lease_until?.getTime() ?? 0
  const renewed = async (jobId: string, times: number) => {
    for (let time = 0; time < times; time += 1) {
      const before = await leaseOf(jobId)
      await waitUntil(
        () => leaseOf(jobId),
        (until) => until > before,
      )
    }
  }
  const client = await database.owner.pool.connect()
  try {
    await client.query('begin')
    await client.query('select from reelpilot.machine_instance where id = $1 for update', [locked])
    const before = await leaseOf(locked)
    await renewed(other, 5)
    expect(await leaseOf(locked)).toBe(before)
    await client.query('rollback')
    await renewed(locked, 2)
    expect([lockedLease?.signal.aborted, otherLease?.signal.aborted]).toEqual([false, false])

    // Another worker has the lease now.
    await database.owner.pool.query('update reelpilot.machine_instance set lease_epoch = 2 where id = $1', [
      locked,
    ])
    await waitUntil(
      () => lockedLease?.signal.aborted,
      (aborted) => aborted === true,
    )
    expect(otherLease?.signal.aborted).toBe(false)
  } finally {
    client.release()
    await stop()
  }
}, 20_000)

it('wake-ups are fetched with the leases of their instances, except for what others have locked or leased', async () => {
  const organizationId = await createOrganization(database)
  const { boss, runtime, stop } = await createToyProcess(database, { supervises: false })
  const { instanceStore } = runtime
  await boss.deleteAllJobs(queues.wake)
  const start = () => startToyJob(database, boss, organizationId)
  const [free, locked, leased] = [await start(), await start(), await start()]
  const missing = randomUUID()
  await queueWakeUps(boss, [
    { jobId: free, organizationId, reason: 'again' },
    { jobId: missing, organizationId, reason: 1 },
  ])
  const taken = await instanceStore.acquireLease(leased)
  const client = await database.owner.pool.connect()
  try {
    await client.query('begin')
    await client.query('select from reelpilot.machine_instance where id = $1 for update', [locked])
    const fetched = await instanceStore.fetchLeased({ batchSize: 10 })
    const leasesOf = (jobId: string) =>
      fetched.filter(({ data }) => data.jobId === jobId).map(({ lease }) => lease)
    expect(leasesOf(free).map((lease) => lease?.kind)).toEqual(['acquired', 'leasedElsewhere'])
    expect(leasesOf(free)[0]).toEqual({
      kind: 'acquired',
      instance: {
        ...(taken.kind === 'acquired' && taken.instance),
        jobId: free,
        checkpoint: expect.anything(),
      },
    })
    expect(leasesOf(locked)).toEqual([null])
    expect(leasesOf(leased)).toEqual([{ kind: 'leasedElsewhere' }])
    expect(leasesOf(missing)).toEqual([{ kind: 'missing' }])
    // They are the queue's: fetched once, and settled by their attempts.
    expect(await instanceStore.fetchLeased({ batchSize: 10 })).toEqual([])
    expect(fetched[0]).toMatchObject({ retryCount: 0, groupId: organizationId })
  } finally {
    await client.query('rollback')
    client.release()
    await stop()
  }
}, 20_000)

it('transitions that wait queue their wake-ups, except for those that were refused', async () => {
  const organizationId = await createOrganization(database)
  const { boss, runtime, stop } = await createToyProcess(database, { supervises: false })
  const wakeAt = Date.now() + 60_000
  const waiting = async (expectedRevision: number): Promise<Transition> => {
    const jobId = await startToyJob(database, boss, organizationId)
    const facts = { at: Date.now(), key: `${jobId}/2`, epoch: null }
    const next = initialCheckpoint(toyMachine, { laps: 3 }, facts)
    const what = { epoch: null, from: 'running', event: 'note', next, wakeAt, release: true }
    return { jobId, organizationId, expectedRevision, ...what }
  }
  const transitions = [await waiting(1), await waiting(7), await waiting(1)]
  const results = await Promise.all(transitions.map(runtime.instanceStore.commit))
  expect(results.map(({ kind }) => kind)).toEqual(['committed', 'conflict', 'committed'])
  const deferred = await Promise.all(
    transitions.map(async ({ jobId, expectedRevision }) => {
      const id = wakeUpId({ jobId, reason: expectedRevision + 1 })
      const [wakeUp] = await boss.findJobs(queues.wake, { id })
      return wakeUp?.startAfter.getTime() ?? null
    }),
  )
  expect(deferred).toEqual([wakeAt, null, wakeAt])
  await stop()
}, 20_000)
