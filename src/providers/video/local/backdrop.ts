import { type Canvas, createCanvas, type SKRSContext2D } from '@napi-rs/canvas'
import { safeAreaOf } from '../../../storyboard/safe-area.ts'
import type { Palette, Size } from '../../../storyboard/storyboard.ts'
import { createSeededRandom } from './easing.ts'
import type { SceneRecipe } from './recipe.ts'

// The light is painted small and scaled up: it has no detail to lose, and a full-size gradient takes three times as long.
const lightSize = { width: 180, height: 320 }
const grainSize = 256
const fullTurn = 2 * Math.PI

/** The background of a scene, without its texts. */
export interface Backdrop {
  /** Paints the moving light and dust for a time in seconds since the video's start, over a picture of the given size. */
  paint(pen: SKRSContext2D, size: Size, seconds: number): void
  /** What lies over the light and does not move, in the size of the video. */
  readonly shade: Canvas
}

export function createBackdrop({ size, palette, seed }: SceneRecipe): Backdrop {
  const random = createSeededRandom(seed)
  const shade = shadeOf(size, grainOf(random))
  const dust = dustOf(random)
  const light = createCanvas(lightSize.width, lightSize.height)
  const lightPen = light.getContext('2d')

  return {
    shade,
    paint(pen, painted, seconds) {
      paintLight(lightPen, palette, seconds)
      pen.globalAlpha = 1
      pen.imageSmoothingQuality = 'low' // 'high' takes 24 ms a full-size frame and makes no difference on blurred light
      pen.drawImage(light, 0, 0, painted.width, painted.height)
      paintDust(pen, dust, painted, seconds)
      pen.globalAlpha = 1
    },
  }
}

function paintLight(pen: SKRSContext2D, { base, blobs }: Palette, seconds: number): void {
  const { width, height } = lightSize
  pen.globalCompositeOperation = 'source-over'
  pen.fillStyle = base
  pen.fillRect(0, 0, width, height)
  pen.globalCompositeOperation = 'lighter'

  blobs.forEach((colour, index) => {
    const angle = seconds * (0.35 + index * 0.07) + index * 1.9
    const x = width * (0.5 + Math.cos(angle) * 0.42 + Math.sin(angle * 0.6 + index) * 0.13)
    const y = height * (0.5 + Math.sin(angle * 0.8 + index * 2.1) * 0.41)
    const radius = width * (0.69 + 0.11 * Math.sin(angle * 1.3))
    const glow = pen.createRadialGradient(x, y, 0, x, y, radius)
    glow.addColorStop(0, `${colour}aa`)
    glow.addColorStop(0.5, `${colour}3c`)
    glow.addColorStop(1, `${colour}00`)
    pen.fillStyle = glow
    pen.fillRect(0, 0, width, height)
  })
}

interface Mote {
  readonly x: number
  readonly y: number
  readonly radius: number
  /** Picture heights per second. */
  readonly speed: number
  readonly phase: number
}

function dustOf(random: () => number): Mote[] {
  return Array.from({ length: 26 }, () => ({
    x: random(),
    y: random(),
    radius: 3 + random() * 16,
    speed: 0.01 + random() * 0.035,
    phase: random() * fullTurn,
  }))
}

function paintDust(pen: SKRSContext2D, dust: readonly Mote[], size: Size, seconds: number): void {
  const { unit } = safeAreaOf(size)
  pen.fillStyle = '#fff'
  for (const { x, y, radius, speed, phase } of dust) {
    const height = (((y - seconds * speed) % 1) + 1) % 1
    pen.globalAlpha = 0.07 + 0.05 * Math.sin(seconds + phase)
    pen.beginPath()
    pen.arc(
      (x + Math.sin(seconds * 0.5 + phase) * 0.03) * size.width,
      height * size.height,
      radius * unit,
      0,
      fullTurn,
    )
    pen.fill()
  }
}

/** Darkens top and bottom so that captions and TikTok's own controls are legible, and adds grain. */
function shadeOf(size: Size, grain: Canvas): Canvas {
  const canvas = createCanvas(size.width, size.height)
  const pen = canvas.getContext('2d')
  const shade = pen.createLinearGradient(0, 0, 0, size.height)
  shade.addColorStop(0, 'rgba(0,0,0,.45)')
  shade.addColorStop(0.25, 'rgba(0,0,0,.05)')
  shade.addColorStop(0.6, 'rgba(0,0,0,.12)')
  shade.addColorStop(1, 'rgba(0,0,0,.6)')
  const noise = pen.createPattern(grain, 'repeat')
  for (const fill of noise === null ? [shade] : [shade, noise]) {
    pen.fillStyle = fill
    pen.fillRect(0, 0, size.width, size.height)
  }
  return canvas
}

/** Faint black and white noise, which hides the banding of an 8-bit gradient. */
function grainOf(random: () => number): Canvas {
  const canvas = createCanvas(grainSize, grainSize)
  const pen = canvas.getContext('2d')
  const image = pen.createImageData(grainSize, grainSize)
  for (let at = 0; at < image.data.length; at += 4) {
    image.data.fill(random() < 0.5 ? 0 : 255, at, at + 3)
    image.data[at + 3] = Math.floor(random() * 8)
  }
  pen.putImageData(image, 0, 0)
  return canvas
}
