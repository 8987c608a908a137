import { readFileSync } from 'node:fs'
import path from 'node:path'
import { createCanvas, loadImage } from '@napi-rs/canvas'
import { expect, it } from 'vitest'
import { assembleVideo } from '../../../../src/providers/video/local/assemble.ts'
import { createBackdrop } from '../../../../src/providers/video/local/backdrop.ts'
import { recipeOf } from '../../../../src/providers/video/local/recipe.ts'
import { layOutCaption } from '../../../../src/storyboard/caption.ts'
import { parseStoryboard } from '../../../../src/storyboard/parse-storyboard.ts'
import type { Storyboard } from '../../../../src/storyboard/storyboard.ts'
import { timelineOf } from '../../../../src/storyboard/timeline.ts'
import { localProvider, renderAll, segmentsOf, signal, temporaryFolder } from './render-harness.ts'
import { extractStill } from './still.ts'

const size = { width: 360, height: 640 }

function readStoryboard(name: string): Storyboard {
  const file = new URL(`../../../../src/rehearsal/storyboards/${name}.json`, import.meta.url)
  const { scenes, ...rest } = JSON.parse(readFileSync(file, 'utf8'))
  // A second is enough: words are highlighted in a share of the scene's time.
  const short = scenes.map((scene: object) => ({ ...scene, seconds: 1 }))
  const parsed = parseStoryboard({ ...rest, scenes: short, size })
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.issues))
  return parsed.storyboard
}

const lumaOf = (data: Uint8ClampedArray, at: number) =>
  0.2126 * (data[at] ?? 0) + 0.7152 * (data[at + 1] ?? 0) + 0.0722 * (data[at + 2] ?? 0)

/**
 * Counts the pixels in the caption's area that differ from the bare backdrop: letters and their outlines.
 *
 * Encoding changes brightness by less than 30 steps; white differs from these backdrops by more than 100.
 */
async function textPixels(picture: string, storyboard: Storyboard, scene: number, frame: number) {
  const recipe = recipeOf(storyboard, scene)
  const layout = layOutCaption(recipe.text, size)
  if (layout === undefined) throw new Error('the text does not fit')
  const rectangle = [0, Math.floor(layout.top), size.width, Math.ceil(layout.height)] as const

  const bare = createCanvas(size.width, size.height).getContext('2d')
  const backdrop = createBackdrop(recipe)
  backdrop.paint(bare, size, (recipe.startFrame + frame) / recipe.fps)
  bare.drawImage(backdrop.shade, 0, 0)
  const rendered = createCanvas(size.width, size.height).getContext('2d')
  rendered.drawImage(await loadImage(picture), 0, 0)

  const before = bare.getImageData(...rectangle).data
  const after = rendered.getImageData(...rectangle).data
  let count = 0
  for (let at = 0; at < after.length; at += 4) {
    if (Math.abs(lumaOf(after, at) - lumaOf(before, at)) > 60) count++
  }
  return count
}

it.each(['octopus', 'otter', 'venus'])(
  'every scene of the %s storyboard shows its text from its first frame, the cover, to its last',
  { timeout: 300_000 },
  async (name) => {
    const storyboard = readStoryboard(name)
    const directory = await temporaryFolder()
    await renderAll(localProvider({ directory }), storyboard)
    const segments = segmentsOf(directory, storyboard)
    const video = await assembleVideo({ storyboard, segments, directory, key: 'cover', signal })

    const shares: number[] = []
    for (const { sceneIndex, startFrame, frames } of timelineOf(storyboard).spans) {
      const textAt = async (frame: number) => {
        const picture = path.join(directory, `${startFrame + frame}.png`)
        // Half a frame early, so that the first frame from then on is the wanted one.
        await extractStill(video.path, Math.max(0, (startFrame + frame - 0.5) / storyboard.fps), picture)
        return await textPixels(picture, storyboard, sceneIndex, frame)
      }
      // After four fifths of a scene all words were highlighted, and nothing moves.
      const whole = await textAt(Math.round(frames * 0.8))
      expect(whole).toBeGreaterThan(2000)
      shares.push((await textAt(0)) / whole, (await textAt(frames - 1)) / whole)
    }
    expect(shares).toHaveLength(8)
    // Less than 1 because of the start at 94 % of the size and the moving light; a fade-in would be close to 0.
    expect(Math.min(...shares), shares.map((share) => share.toFixed(2)).join(' ')).toBeGreaterThan(0.6)
  },
)
