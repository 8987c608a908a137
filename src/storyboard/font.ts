import { createRequire } from 'node:module'
import { createCanvas, GlobalFonts, type SKRSContext2D } from '@napi-rs/canvas'

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

// Created with the first text: loading the fonts takes 15 ms and 25 MB.
let pen: ReturnType<typeof preparePen> | undefined

function preparePen() {
  for (const [name, file] of Object.entries(files)) {
    GlobalFonts.registerFromPath(require.resolve(file), `reelpilot-${name}`)
  }
  return createCanvas(64, 64).getContext('2d')
}

/** Text that is drawn with one font: plain text, or a single emoji. */
export interface Run {
  readonly text: string
  readonly isEmoji: boolean
}

const graphemesIn = new Intl.Segmenter('und', { granularity: 'grapheme' })
const emoji =
  /\p{RGI_Emoji}|\p{Emoji_Presentation}|\p{Emoji_Modifier}|\p{Extended_Pictographic}[\ufe0f\u200d]/v

/** Splits a text into runs, never inside a grapheme cluster (base, variation selectors and joined characters). */
export function runsOf(text: string): Run[] {
  const runs: Run[] = []
  for (const { segment } of graphemesIn.segment(text)) {
    const isEmoji = emoji.test(segment) && !segment.includes('\ufe0e')
    const last = runs.at(-1)
    if (isEmoji || last === undefined || last.isEmoji) runs.push({ text: segment, isEmoji })
    else runs[runs.length - 1] = { text: last.text + segment, isEmoji }
  }
  return runs
}

/**
 * The CSS font of a face at a size in pixels. Text prefers Inter, so that digits are not emoji; emoji prefer the emoji font,
 * so that they are coloured.
 */
export function fontOf(face: Face, size: number, isEmoji = false): string {
  pen ??= preparePen()
  const [first, second] = isEmoji ? ['emoji', face] : [face, 'emoji']
  return `${size}px reelpilot-${first}, reelpilot-${second}`
}

// Skia splits a sequence in which a default emoji (🌈) follows a text character with a variation selector (🏳️), unless the
// run starts with a default emoji. So one is drawn in front, with so much letter spacing that it is off the canvas.
const lead = '\u{1f419}'
const leadSpacing = 10_000
const splitsInSkia = /^\P{Emoji_Presentation}.*\p{Emoji_Presentation}/su

/** Draws a run with its left edge at `x`, in the pen's font. */
export function fillRun(pen: SKRSContext2D, { text, isEmoji }: Run, x: number, y: number): void {
  const isSplit = isEmoji && splitsInSkia.test(text)
  pen.letterSpacing = `${isSplit ? leadSpacing : 0}px`
  pen.fillText(isSplit ? lead + text : text, isSplit ? x - pen.measureText(lead).width : x, y)
  pen.letterSpacing = '0px'
}

/** The advance width of a text in pixels. Each run is measured once: widths are proportional to the size (within 0.01 %). */
export function widthOf(text: string, face: Face, size: number): number {
  return runsOf(text).reduce((sum, run) => sum + widthOfRun(run, face), 0) * size
}

/** The width for a font size of 1. */
function widthOfRun({ text, isEmoji }: Run, face: Face): number {
  const key = `${face}:${isEmoji}:${text}`
  let width = widths.get(key)
  if (width === undefined) {
    const font = fontOf(face, measuringSize, isEmoji)
    pen ??= preparePen()
    pen.font = font
    const apart = isEmoji && splitsInSkia.test(text) ? lead : ''
    width = (pen.measureText(apart + text).width - pen.measureText(apart).width) / measuringSize
    if (widths.size > 10_000) widths.clear()
    widths.set(key, width)
  }
  return width
}

/** The first character that no available font can draw and that would be an empty box. */
export function findUndrawable(text: string): string | undefined {
  for (const run of runsOf(text)) {
    const character = Array.from(new Set(run.text)).find((character) => !isDrawable(character, run))
    if (character !== undefined) return character
  }
  return undefined
}

const marks = /\p{M}/u

function isDrawable(character: string, { isEmoji }: Run): boolean {
  // Inter has all of Latin; fonts ignore the ignorable code points; a keycap mark is part of its emoji.
  if (character < '\u0250' || /[\p{Default_Ignorable_Code_Point}\s]/u.test(character)) return true
  if (isEmoji && marks.test(character)) return true

  let known = drawable.get(character)
  if (known === undefined) {
    const base = marks.test(character) ? 'a' : ''
    known = !pixelsOf(base + character).equals(pixelsOf(`${base}\u{10fffd}`))
    drawable.set(character, known)
  }
  return known
}

function pixelsOf(character: string): Buffer {
  const font = fontOf('caption', 32)
  pen ??= preparePen()
  pen.clearRect(0, 0, 64, 64)
  pen.font = font
  pen.fillText(character, 8, 44)
  return Buffer.from(pen.getImageData(0, 0, 64, 64).data)
}
