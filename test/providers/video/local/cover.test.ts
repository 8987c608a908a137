import { readFileSync } from 'node:fs'
import { createCanvas, loadImage } from '@napi-rs/canvas'
import { expect, it } from 'vitest'
import { assembleVideo } from '../../../../src/providers/video/local/assemble.ts'
import { createBackdrop } from '../../../../src/providers/video/local/backdrop.ts'
import { recipeOf } from '../../../../src/providers/video/local/recipe.ts'
import { layOutCaption } from '../../../../src/storyboard/caption.ts'
import { defaultCoverMs } from '../../../../src/storyboard/cover.ts'
import { parseStoryboard } from '../../../../src/storyboard/parse-storyboard.ts'
import type { Storyboard } from '../../../../src/storyboard/storyboard.ts'
import { timelineOf } from '../../../../src/storyboard/timeline.ts'
import { localProvider, renderAll, segmentsOf, signal, temporaryFolder } from './render-harness.ts'
import { extractFrames } from './still.ts'

const size = { width: 360, height: 640 }

function readStoryboard(name: string): Storyboard {
  const file = new URL(`../../../../src/rehearsal/storyboards/${name}.json`, import.meta.url)
  const { scenes, ...rest } = JSON.parse(readFileSync(file, 'utf8'))
  // The shortest video that TikTok takes is enough: words are highlighted in a share of the scene's time.
  const short = scenes.map((scene: object) => ({ ...scene, seconds: 3 / scenes.length }))
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
  'the %s video shows its text at 0 ms, before and after each cut, and completely on its cover',
  { timeout: 300_000 },
  async (name) => {
    const storyboard = readStoryboard(name)
    const directory = await temporaryFolder()
    await renderAll(localProvider({ directory }), storyboard)
    const segments = segmentsOf(directory, storyboard)
    const video = await assembleVideo({ storyboard, segments, directory, key: 'cover', signal })

    const coverFrame = Math.floor((defaultCoverMs * storyboard.fps) / 1000)
    const { spans } = timelineOf(storyboard)
    const scenes = spans.map(({ startFrame, frames }) => ({
      first: startFrame,
      last: startFrame + frames - 1,
      // After four fifths of a scene all words were highlighted, and nothing moves.
      whole: startFrame + Math.round(frames * 0.8),
    }))
    const wanted = [coverFrame, ...scenes.flatMap(({ first, last, whole }) => [first, last, whole])]
    const sorted = wanted.toSorted((a, b) => a - b)
    const pictures = await extractFrames(video.path, sorted, directory)
    const textAt = (scene: number, frame: number) =>
      textPixels(pictures.get(frame) ?? '', storyboard, scene, frame - (spans[scene]?.startFrame ?? 0))

    const shares: number[] = []
    for (const [scene, { first, last, whole }] of scenes.entries()) {
      const all = await textAt(scene, whole)
      expect(all).toBeGreaterThan(2000)
      shares.push((await textAt(scene, first)) / all, (await textAt(scene, last)) / all)
    }
    const [{ whole = 0 } = {}] = scenes
    const cover = (await textAt(0, coverFrame)) / (await textAt(0, whole))
    const measured = `${shares.map((share) => share.toFixed(2)).join(' ')}, cover ${cover.toFixed(2)}`
    expect(shares).toHaveLength(8)
    // Less than 1 because of the start at 94 % of the size and the moving light; a fade-in would be close to 0.
    expect(Math.min(...shares), measured).toBeGreaterThan(0.6)
    expect(cover, measured).toBeGreaterThan(0.95)
  },
)
