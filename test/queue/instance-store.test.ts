import { expect, it } from 'vitest'
import { initialCheckpoint } from '../../src/durable/decide.ts'
import type { Transition } from '../../src/durable/instance-store.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { toyMachine } from '../support/toy-machine.ts'
import { createToyProcess, startToyJob } from '../support/toy-runtime.ts'

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
