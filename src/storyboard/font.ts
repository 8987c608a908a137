import { createRequire } from 'node:module'
import { createCanvas, GlobalFonts } from '@napi-rs/canvas'

export type Face = 'caption' | 'label'

const files = {
  caption: '@expo-google-fonts/inter/900Black/Inter_900Black.ttf',
  label: '@expo-google-fonts/inter/700Bold/Inter_700Bold.ttf',
  emoji: '@expo-google-fonts/noto-color-emoji/400Regular/NotoColorEmoji_400Regular.ttf',
} as const

const measuringSize = 100
const widths = new Map<string, number>()
const drawable = new Map<string, boolean>()
const require = createRequire(import.meta.url)

// Created with the first text: a process that draws nothing pays neither the 15 ms nor the 25 MB of emoji.
let pen: ReturnType<typeof preparePen> | undefined

function preparePen() {
  for (const [name, file] of Object.entries(files)) {
    GlobalFonts.registerFromPath(require.resolve(file), `reelpilot-${name}`)
  }
  return createCanvas(64, 64).getContext('2d')
}

/** The CSS font of a face at a size in pixels. Inter comes first, so that digits stay digits; emoji are its fallback. */
export function fontOf(face: Face, size: number): string {
  pen ??= preparePen()
  return `${size}px reelpilot-${face}, reelpilot-emoji`
}

/** The advance width of a text in pixels. Measured once: widths grow in proportion to the size (within 0.01 %). */
export function widthOf(text: string, face: Face, size: number): number {
  const key = `${face}:${text}`
  let width = widths.get(key)
  if (width === undefined) {
    const font = fontOf(face, measuringSize)
    pen ??= preparePen()
    pen.font = font
    width = pen.measureText(text).width / measuringSize
    if (widths.size > 10_000) widths.clear()
    widths.set(key, width)
  }
  return width * size
}

/** The first character that no font at hand can draw; it would show as an empty box. */
export function undrawable(text: string): string | undefined {
  for (const character of new Set(text)) {
    // Inter has all of Latin; marks, joiners and selectors are drawn with what they belong to.
    if (character < '\u0250' || /[\p{M}\p{Cf}\s]/u.test(character)) continue
    let known = drawable.get(character)
    if (known === undefined) {
      known = !pixelsOf(character).equals(pixelsOf('\u{10fffd}'))
      drawable.set(character, known)
    }
    if (!known) return character
  }
  return undefined
}

function pixelsOf(character: string): Buffer {
  const font = fontOf('caption', 32)
  pen ??= preparePen()
  pen.clearRect(0, 0, 64, 64)
  pen.font = font
  pen.fillText(character, 8, 44)
  return Buffer.from(pen.getImageData(0, 0, 64, 64).data)
}
