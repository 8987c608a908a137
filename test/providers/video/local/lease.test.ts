import { utimes } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { acquireLease, leaseTiming, readLease } from '../../../../src/providers/video/local/lease.ts'
import { partsIn, temporaryFolder } from './render-harness.ts'

const progress = { frames: 10, of: 60 }

/** Makes a lease stale. */
async function makeStale(file: string): Promise<void> {
  const then = (Date.now() - leaseTiming.staleAfterMs - 1000) / 1000
  await utimes(file, then, then)
}

it('a lease is held by one process at a time and free again after its release', async () => {
  const file = path.join(await temporaryFolder(), 'lock')
  const leases = await Promise.all(Array.from({ length: 10 }, () => acquireLease(file)))
  const [lease, ...others] = leases.filter((acquired) => acquired !== undefined)
  expect(others).toEqual([])
  expect(await lease?.renew(progress)).toBe(true)
  expect(await readLease(file)).toEqual(progress)
  await lease?.release()
  expect(await readLease(file)).toBeUndefined()
  await (await acquireLease(file))?.release()
})

it('a holder that did not renew its lease loses it, learns that from the next renewal and does not remove the new lease', async () => {
  const folder = await temporaryFolder()
  const file = path.join(folder, 'lock')
  const slow = await acquireLease(file)
  await slow?.renew(progress)
  await makeStale(file)
  expect(await readLease(file)).toBeUndefined()

  const next = await acquireLease(file)
  expect(await next?.renew(progress)).toBe(true)
  expect(await slow?.renew(progress)).toBe(false)
  await slow?.release()
  expect(await next?.renew(progress)).toBe(true)
  expect(partsIn(folder)).toEqual([])
  await next?.release()
})

it('a lease has one holder after many processes find it stale at once', async () => {
  const file = path.join(await temporaryFolder(), 'lock')
  const slow = await acquireLease(file)
  await makeStale(file)
  const acquired = await Promise.all(Array.from({ length: 10 }, () => acquireLease(file)))
  const living = await Promise.all(
    [slow, ...acquired].map(async (lease) => (await lease?.renew(progress)) === true),
  )
  expect(living.filter(Boolean)).toHaveLength(1)
  await Promise.all([slow, ...acquired].map((lease) => lease?.release()))
})
