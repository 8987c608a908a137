import { expect, it } from 'vitest'
import { createKeyedMutex } from '../../../src/graphql/mutation/keyed-mutex.ts'

/** A task that ends when `end` is called. */
function createGatedTask() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { work: () => promise, open: resolve }
}

it('a keyed mutex runs tasks with one key in the order of their calls, and tasks with other keys concurrently', async () => {
  const mutex = createKeyedMutex(10_000)
  const first = createGatedTask()
  const done: string[] = []
  const note = (what: string, work?: () => Promise<void>) => async () => {
    await work?.()
    done.push(what)
    return what
  }
  const all = [
    mutex.runExclusive('a', note('a1', first.work)),
    mutex.runExclusive('a', note('a2')),
    mutex.runExclusive('a', note('a3')),
    mutex.runExclusive('b', note('b1')),
  ]
  await all[3]
  expect(done).toEqual(['b1'])
  first.open()
  expect(await Promise.all(all)).toEqual(['a1', 'a2', 'a3', 'b1'])
  expect(done).toEqual(['b1', 'a1', 'a2', 'a3'])
})

it('a keyed mutex runs the next task after one that failed', async () => {
  const mutex = createKeyedMutex(10_000)
  const failed = mutex.runExclusive('a', () => Promise.reject(new Error('no')))
  const next = mutex.runExclusive('a', async () => 'next')
  await expect(failed).rejects.toThrow('no')
  expect(await next).toBe('next')
})

it('a keyed mutex returns null for a task that waits too long, and later tasks still wait for the running one', async () => {
  const mutex = createKeyedMutex(20)
  const slow = createGatedTask()
  const first = mutex.runExclusive('a', slow.work)
  let late = 0
  const work = async () => {
    late += 1
  }
  expect(await mutex.runExclusive('a', work)).toBeNull()
  // The first task is still running after the second one has timed out.
  expect(await mutex.runExclusive('a', work)).toBeNull()
  expect(late).toBe(0)
  slow.open()
  await first
  await mutex.runExclusive('a', work)
  expect(late).toBe(1)
})
