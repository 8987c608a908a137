import { utimes } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { acquireLease, leaseTiming, readLease } from '../../../../src/providers/video/local/lease.ts'
import { partsIn, temporaryFolder } from './render-harness.ts'

const progress = { frames: 10, of: 60 }

/** As if the holder had been silent for too long. */
async function silence(file: string): Promise<void> {
  const then = (Date.now() - leaseTiming.staleAfterMs - 1000) / 1000
  await utimes(file, then, then)
}

it('is held by one at a time, and free again once released', async () => {
  const file = path.join(await temporaryFolder(), 'lock')
  const takers = await Promise.all(Array.from({ length: 10 }, () => acquireLease(file)))
  const [lease, ...others] = takers.filter((taken) => taken !== undefined)
  expect(others).toEqual([])
  expect(await lease?.renew(progress)).toBe(true)
  expect(await readLease(file)).toEqual(progress)
  await lease?.release()
  expect(await readLease(file)).toBeUndefined()
  await (await acquireLease(file))?.release()
})

it('is lost by a holder that was silent for too long, who learns it from the next beat and takes nothing along', async () => {
  const folder = await temporaryFolder()
  const file = path.join(folder, 'lock')
  const slow = await acquireLease(file)
  await slow?.renew(progress)
  await silence(file)
  expect(await readLease(file)).toBeUndefined()

  const next = await acquireLease(file)
  expect(await next?.renew(progress)).toBe(true)
  expect(await slow?.renew(progress)).toBe(false)
  await slow?.release()
  expect(await next?.renew(progress)).toBe(true)
  expect(partsIn(folder)).toEqual([])
  await next?.release()
})

it('has at most one living holder after many have found it stale at once', async () => {
  const file = path.join(await temporaryFolder(), 'lock')
  const slow = await acquireLease(file)
  await silence(file)
  const taken = await Promise.all(Array.from({ length: 10 }, () => acquireLease(file)))
  const living = await Promise.all(
    [slow, ...taken].map(async (lease) => (await lease?.renew(progress)) === true),
  )
  expect(living.filter(Boolean)).toHaveLength(1)
  await Promise.all([slow, ...taken].map((lease) => lease?.release()))
})
