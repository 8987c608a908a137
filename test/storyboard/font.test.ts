import { createCanvas } from '@napi-rs/canvas'
import { expect, it } from 'vitest'
import { fillRun, fontOf, runsOf, widthOf } from '../../src/storyboard/font.ts'

const clusters = [
  ...['🏳️‍🌈', '🏳️‍⚧️', '🏴‍☠️', '❤️‍🔥', '❤️‍🩹', '⛓️‍💥', '👁️‍🗨️', '🐻‍❄️'],
  ...['👨‍👩‍👧‍👦', '🧑🏻‍❤️‍💋‍🧑🏿', '👋🏽', '⛹🏽‍♀️', '🧑🏿‍🚀'],
  ...['🇩🇪', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '1️⃣', '#️⃣', '☀️', '❤️', '©️'],
]

it.each(clusters)('the emoji %s is drawn as one glyph', (cluster) => {
  expect(runsOf(`a${cluster}b${cluster}${cluster}`)).toEqual([
    { text: 'a', isEmoji: false },
    { text: cluster, isEmoji: true },
    { text: 'b', isEmoji: false },
    { text: cluster, isEmoji: true },
    { text: cluster, isEmoji: true },
  ])
  expect(widthOf(cluster, 'caption', 100)).toBeCloseTo(widthOf('🐙', 'caption', 100), 3)
})

it('a character with the text variation selector is drawn as text', () => {
  expect(runsOf('☀\ufe0e 3 ©')).toEqual([{ text: '☀\ufe0e 3 ©', isEmoji: false }])
})

it('the rainbow flag is drawn at its position with nothing beside it', () => {
  const columnsOf = (text: string) => {
    const canvas = createCanvas(400, 160)
    const pen = canvas.getContext('2d')
    pen.font = fontOf('caption', 100, true)
    for (const run of runsOf(text)) fillRun(pen, run, 100, 120)
    const { data } = pen.getImageData(0, 0, 400, 160)
    const columns = Array.from({ length: 400 }, (_, x) => x)
    return columns.filter((x) => Array.from({ length: 160 }).some((_, y) => data[4 * (y * 400 + x) + 3]))
  }

  const rainbow = columnsOf('🏳️‍🌈')
  expect(rainbow.length).toBeGreaterThan(90)
  expect(rainbow[0]).toBeGreaterThanOrEqual(100)
  expect(rainbow.at(-1)).toBeLessThanOrEqual(100 + widthOf('🏳️‍🌈', 'caption', 100))
})
