import { expect, it } from 'vitest'
import { batch } from '../../src/durable/batch.ts'

/** Sends the numbers at once, and returns the calls and how each number ended. */
async function sendAtOnce(
  numbers: readonly number[],
  perform: (batch: readonly number[]) => Promise<readonly number[]>,
  isCommon: (error: unknown) => boolean = () => false,
) {
  const calls: (readonly number[])[] = []
  const send = batch(
    (requests: readonly number[]) => {
      calls.push(requests)
      return perform(requests)
    },
    { isCommon },
  )
  const ends = await Promise.allSettled(numbers.map(send))
  return { calls, ends: ends.map((end) => (end.status === 'fulfilled' ? end.value : String(end.reason))) }
}
const double = async (numbers: readonly number[]) => numbers.map((number) => number * 2)

it('requests of the same moment share a call, and each gets its own answer', async () => {
  expect(await sendAtOnce([1, 2, 3], double)).toEqual({ calls: [[1, 2, 3]], ends: [2, 4, 6] })
})

it('a request that fails the call is repeated alone, and so are the others', async () => {
  const perform = async (numbers: readonly number[]) => {
    if (numbers.includes(2)) throw new Error('two')
    return await double(numbers)
  }
  expect(await sendAtOnce([1, 2, 3], perform)).toEqual({
    calls: [[1, 2, 3], [1], [2], [3]],
    ends: [2, 'Error: two', 6],
  })
})

it('a call that fails for a reason that all requests share is repeated once, as it is', async () => {
  let failures = 1
  const perform = async (numbers: readonly number[]) => {
    failures -= 1
    if (failures >= 0) throw new Error('lost')
    return await double(numbers)
  }
  const answered = {
    calls: [
      [1, 2],
      [1, 2],
    ],
    ends: [2, 4],
  }
  expect(await sendAtOnce([1, 2], perform, () => true)).toEqual(answered)
  failures = 2
  const refused = { ...answered, ends: ['Error: lost', 'Error: lost'] }
  expect(await sendAtOnce([1, 2], perform, () => true)).toEqual(refused)
})
