import type { SKRSContext2D } from '@napi-rs/canvas'
import type { SafeArea } from '../../../storyboard/safe-area.ts'
import type { MovingSprite } from './moving-sprite.ts'
import type { SceneRecipe } from './recipe.ts'

/** One bar per scene, filled with the progress of the video. */
export function progressOf(recipe: SceneRecipe, { unit, top }: SafeArea): MovingSprite {
  const { sceneIndex, sceneCount, frames, size } = recipe
  const margin = 80 * unit
  const gap = Math.min(12, 240 / sceneCount) * unit
  const width = (size.width - 2 * margin - gap * (sceneCount - 1)) / sceneCount
  const height = Math.min(9 * unit, width)
  const y = top - 6 * unit

  const bar = (pen: SKRSContext2D, x: number, length: number, style: string) => {
    pen.fillStyle = style
    pen.beginPath()
    pen.roundRect(x, y, length, height, height / 2)
    pen.fill()
  }

  return {
    bounds: { x: margin, y, width: size.width - 2 * margin, height },
    paint(pen, frame) {
      for (let index = 0; index < sceneCount; index++) {
        const x = margin + index * (width + gap)
        const filled = index === sceneIndex ? (frame + 1) / frames : index < sceneIndex ? 1 : 0
        bar(pen, x, width, 'rgba(255,255,255,.28)')
        if (filled > 0) bar(pen, x, Math.max(height, width * filled), '#fff')
      }
    },
  }
}
