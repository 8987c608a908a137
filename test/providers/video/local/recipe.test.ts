import { describe, expect, it } from 'vitest'
import {
  clipKeyOf,
  parseRecipe,
  recipeOf,
  type SceneRecipe,
} from '../../../../src/providers/video/local/recipe.ts'
import { smallStoryboard } from './render-harness.ts'

const storyboard = smallStoryboard([
  { seconds: 2, text: 'Otters hold hands 🦦' },
  { seconds: 2, text: 'While they sleep' },
])
const recipe = recipeOf(storyboard, 0)

describe('a clip’s key', () => {
  it('survives a round trip through JSON with the fields in another order', () => {
    const shuffled = Object.fromEntries(Object.entries(recipe).reverse())
    const stored = parseRecipe(JSON.parse(JSON.stringify(shuffled)))
    if (stored === undefined) throw new Error('the recipe was refused')
    expect(clipKeyOf(stored)).toBe(clipKeyOf(recipe))
  })

  it('differs from the keys of earlier renderer versions, whose clips look different', () => {
    const earlier = [
      'dc93f10fdd924168e59230bcbdb4f863',
      '7e2e600ffafab2ff8c17f221be5d58b9',
      '57170695d82c737aabeb04e9d780695d',
    ]
    expect(earlier).not.toContain(clipKeyOf(recipe))
  })

  it('does not change with another scene’s text or the title', () => {
    const [first, second] = storyboard.scenes
    if (first === undefined || second === undefined) throw new Error('unreachable')
    const changed = { ...storyboard, title: 'New', scenes: [first, { ...second, text: 'All night' }] }
    expect(clipKeyOf(recipeOf(changed, 0))).toBe(clipKeyOf(recipe))
    expect(clipKeyOf(recipeOf(changed, 1))).not.toBe(clipKeyOf(recipeOf(storyboard, 1)))
  })

  it('changes with every field that the painter reads', () => {
    const changes: Partial<SceneRecipe>[] = [
      { text: 'Otters' },
      { kicker: 'HI' },
      { handle: '@other' },
      { seed: 8 },
      { startFrame: 1 },
      { frames: 59 },
      { sceneIndex: 1 },
      { sceneCount: 3 },
      { size: { width: 362, height: 640 } },
      { palette: { ...recipe.palette, accent: '#00ff00' } },
    ]
    const keys = [recipe, ...changes.map((change) => ({ ...recipe, ...change }))].map(clipKeyOf)
    expect(new Set(keys).size).toBe(changes.length + 1)
  })
})
