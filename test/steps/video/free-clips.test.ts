import { readdirSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { sweepMedia } from '../../../src/steps/video/sweep-media.ts'
import { createHostHarness } from '../host-harness.ts'

const stage = await createHostHarness()
const { db } = stage.database.runtime
const { organizationId } = stage

const bytesIn = (directory: string) =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(path.join(directory, name)))
    .reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0)

/** What the ledger says is stored. */
async function counted(): Promise<number> {
  const { rows } = await stage.database.owner.pool.query(
    `select coalesce(sum(used), 0)::float8 as bytes from reelpilot.quota where metric = 'storageBytes'`,
  )
  return rows[0].bytes
}

it('keeps no more bytes than it counts, once a video is stored or its job is cancelled', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-clips-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const worker = await stage.openWorker({ directory })
  const media = path.join(directory, 'media')
  const first = await worker.start()
  expect(await first.advance('awaitingSlot')).toBe('awaitingSlot')
  expect(await counted()).toBeGreaterThan(0)
  expect(bytesIn(media)).toBe(await counted())

  // Two jobs with the same scenes: what one still needs is not taken away by the other.
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
  await one.send({ type: 'cancel' })
  expect(await one.advance()).toBe('cancelled')
  expect(bytesIn(media)).toBeGreaterThan(await counted())
  expect(await two.advance('awaitingSlot')).toBe('awaitingSlot')
  expect(bytesIn(media)).toBe(await counted())

  // A job that is cancelled before its video is made leaves nothing; what a crash has left, the sweep finds.
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
  expect(bytesIn(media)).toBeGreaterThan(await counted())
  await third.send({ type: 'cancel' })
  expect(await third.advance()).toBe('cancelled')
  expect(bytesIn(media)).toBe(await counted())
}, 240_000)
