import { readdirSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { sweepMedia } from '../../../src/steps/video/sweep-media.ts'
import { createHostHarness } from '../host-harness.ts'

const harness = await createHostHarness()
const { db } = harness.database.runtime
const { organizationId } = harness

const bytesIn = (directory: string) =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(path.join(directory, name)))
    .reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0)

/** The stored bytes by the quota's ledger. */
async function countedBytes(): Promise<number> {
  const { rows } = await harness.database.owner.pool.query(
    `select coalesce(sum(used), 0)::float8 as bytes from reelpilot.quota where metric = 'storageBytes'`,
  )
  return rows[0].bytes
}

it('a job leaves no uncounted bytes once its video is stored or it is cancelled', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-clips-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const worker = await harness.openWorker({ directory })
  const media = path.join(directory, 'media')
  const first = await worker.start()
  expect(await first.advance('awaitingSlot')).toBe('awaitingSlot')
  expect(await countedBytes()).toBeGreaterThan(0)
  expect(bytesIn(media)).toBe(await countedBytes())

  // Two jobs with the same scenes: one must not remove the clips that the other needs.
  const scenes = { title: 'Twins', seed: 3, size: { width: 360, height: 640 } }
  const twin = {
    ...scenes,
    scenes: [
      { seconds: 1.5, text: 'Twin' },
      { seconds: 1.5, text: 'Twins' },
    ],
  }
  const [one, two] = [await worker.start(twin), await worker.start(twin)]
  for (const job of [one, two]) expect(await job.advance('storing')).toBe('storing')
  await one.sendEvent({ type: 'cancel' })
  expect(await one.advance()).toBe('cancelled')
  expect(bytesIn(media)).toBeGreaterThan(await countedBytes())
  expect(await two.advance('awaitingSlot')).toBe('awaitingSlot')
  expect(bytesIn(media)).toBe(await countedBytes())

  // A job that is cancelled before its video is stored leaves no bytes; the sweep removes what a crash left.
  const third = await worker.start({ ...twin, seed: 4 })
  expect(await third.advance((context) => context.clips.length > 0)).not.toBe('failed')
  await worker.storage.put(
    organizationId,
    (async function* () {
      yield Buffer.from('an orphan')
    })(),
  )
  expect(await sweepMedia(worker.storage, db, 60_000)).toBe(0)
  expect(await sweepMedia(worker.storage, db, 0)).toBe(1)
  expect(bytesIn(media)).toBeGreaterThan(await countedBytes())
  await third.sendEvent({ type: 'cancel' })
  expect(await third.advance()).toBe('cancelled')
  expect(bytesIn(media)).toBe(await countedBytes())
}, 240_000)
