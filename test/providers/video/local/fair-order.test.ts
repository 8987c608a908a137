import { expect, it } from 'vitest'
import {
  inFairOrder,
  type QueuedVideo,
  Turns,
  type WaitingClip,
} from '../../../../src/providers/video/local/fair-order.ts'

/** Waiting clips with short names: organization, minute at which they are due, scene. */
function clipsOf(organizationId: string, minute: number, { scenes = 1, seconds = 10 } = {}): WaitingClip[] {
  const video: QueuedVideo = { organizationId, dueAt: minute, seconds }
  return Array.from({ length: scenes }, (_, scene) => ({
    clipKey: `${organizationId}${minute}${'abc'[scene]}`,
    video,
  }))
}

const orderOf = (waiting: readonly WaitingClip[], turns = new Turns()) =>
  [...inFairOrder(turns, waiting)].map(({ clipKey }) => clipKey).join(' ')

/** Takes clips as a renderer does. */
function take(count: number, waiting: WaitingClip[], turns: Turns): string {
  const taken: string[] = []
  while (taken.length < count) {
    const { value: next } = inFairOrder(turns, waiting).next()
    if (next === undefined) break
    turns.begin(next.video)
    waiting.splice(waiting.indexOf(next), 1)
    taken.push(next.clipKey)
  }
  return taken.join(' ')
}

it('clips are rendered by their due times, and in order of submission for equal or no times', () => {
  expect(orderOf([...clipsOf('A', 3), ...clipsOf('A', 1), ...clipsOf('A', 2, { scenes: 2 })])).toBe(
    'A1a A2a A2b A3a',
  )
  const [first, second] = [clipsOf('A', Infinity), clipsOf('A', Infinity)]
  expect([...inFairOrder(new Turns(), [...second, ...first, ...clipsOf('A', 9)])].slice(1)).toEqual([
    ...second,
    ...first,
  ])
})

it('the clips of a video stay together while other organizations wait for later slots', () => {
  expect(orderOf([...clipsOf('B', 2, { scenes: 3 }), ...clipsOf('A', 1, { scenes: 3 })])).toBe(
    'A1a A1b A1c B2a B2b B2c',
  )
})

it('a clip of an earlier slot that arrives later goes first', () => {
  const turns = new Turns()
  const waiting = clipsOf('A', 5, { scenes: 3 })
  expect(take(1, waiting, turns)).toBe('A5a')
  waiting.push(...clipsOf('B', 1))
  expect(take(9, waiting, turns)).toBe('B1a A5b A5c')
})

it('a hundred videos of one organization do not block another one’s', () => {
  const turns = new Turns()
  const waiting = Array.from({ length: 100 }, (_, minute) => clipsOf('A', minute)).flat()
  take(50, waiting, turns)
  waiting.push(...clipsOf('B', 1_000))
  const [first, second] = take(2, waiting, turns).split(' ')
  expect([first, second]).toContain('B1000a')
})

it('organizations take turns by seconds, and whoever had nothing to render saved up no turns', () => {
  const turns = new Turns()
  const waiting = Array.from({ length: 9 }, (_, minute) => clipsOf('A', minute)).flat()
  take(4, waiting, turns)
  for (let minute = 20; minute < 26; minute++) waiting.push(...clipsOf('B', minute, { seconds: 5 }))
  expect(take(9, waiting, turns)).toBe('B20a B21a A4a B22a B23a A5a B24a B25a A6a')
})
