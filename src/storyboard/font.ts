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

// Created with the first text: a process that draws nothing pays neither the 15 ms nor the 25 MB of emoji.
let pen: ReturnType<typeof preparePen> | undefined

function preparePen() {
  for (const [name, file] of Object.entries(files)) {
    GlobalFonts.registerFromPath(require.resolve(file), `reelpilot-${name}`)
  }
  return createCanvas(64, 64).getContext('2d')
}

/** A stretch of text that one font draws: plain text, or a single emoji. */
export interface Run {
  readonly text: string
  readonly isEmoji: boolean
}

const graphemesIn = new Intl.Segmenter('und', { granularity: 'grapheme' })
const emoji =
  /\p{RGI_Emoji}|\p{Emoji_Presentation}|\p{Emoji_Modifier}|\p{Extended_Pictographic}[\ufe0f\u200d]/v

/** Cuts a text into runs. A grapheme cluster is never cut: base, variation selector and all that joiners join. */
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
 * The CSS font of a face at a size in pixels. For text Inter comes first, so that digits stay digits; for emoji their own
 * font, so that a heart has its colour.
 */
export function fontOf(face: Face, size: number, isEmoji = false): string {
  pen ??= preparePen()
  const [first, second] = isEmoji ? ['emoji', face] : [face, 'emoji']
  return `${size}px reelpilot-${first}, reelpilot-${second}`
}

// Skia shapes a sequence in two halves where an emoji by default (🌈) follows one by request (🏳️), unless the stretch
// began with an emoji by default. One is put in front, and so much letter spacing behind it that it is off the canvas.
const lead = '\u{1f419}'
const leadSpacing = 10_000
const comesApart = /^\P{Emoji_Presentation}.*\p{Emoji_Presentation}/su

/** Draws a run with its left edge at `x`; the pen has its font. */
export function fillRun(pen: SKRSContext2D, { text, isEmoji }: Run, x: number, y: number): void {
  const isSplit = isEmoji && comesApart.test(text)
  pen.letterSpacing = `${isSplit ? leadSpacing : 0}px`
  pen.fillText(isSplit ? lead + text : text, isSplit ? x - pen.measureText(lead).width : x, y)
  pen.letterSpacing = '0px'
}

/** The advance width of a text in pixels. Measured once: widths grow in proportion to the size (within 0.01 %). */
export function widthOf(text: string, face: Face, size: number): number {
  return runsOf(text).reduce((sum, run) => sum + widthOfRun(run, face), 0) * size
}

/** For a font size of 1. */
function widthOfRun({ text, isEmoji }: Run, face: Face): number {
  const key = `${face}:${isEmoji}:${text}`
  let width = widths.get(key)
  if (width === undefined) {
    const font = fontOf(face, measuringSize, isEmoji)
    pen ??= preparePen()
    pen.font = font
    const apart = isEmoji && comesApart.test(text) ? lead : ''
    width = (pen.measureText(apart + text).width - pen.measureText(apart).width) / measuringSize
    if (widths.size > 10_000) widths.clear()
    widths.set(key, width)
  }
  return width
}

/** The first character that no font at hand can draw; it would show as an empty box. */
export function undrawable(text: string): string | undefined {
  for (const run of runsOf(text)) {
    const character = Array.from(new Set(run.text)).find((character) => !isDrawable(character, run))
    if (character !== undefined) return character
  }
  return undefined
}

const marks = /\p{M}/u

function isDrawable(character: string, { isEmoji }: Run): boolean {
  // Inter has all of Latin; what Unicode lets a font ignore is never a box; a keycap is part of its emoji.
  if (character < '\u0250' || /[\p{Default_Ignorable_Code_Point}\s]/u.test(character)) return true
  if (isEmoji && marks.test(character)) return true

  let known = drawable.get(character)
  if (known === undefined) {
    const bearer = marks.test(character) ? 'a' : ''
    known = !pixelsOf(bearer + character).equals(pixelsOf(`${bearer}\u{10fffd}`))
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
