import { type Canvas, createCanvas } from '@napi-rs/canvas'
import { labelSize } from '../../../storyboard/fit.ts'
import { fontOf, widthOf } from '../../../storyboard/font.ts'

const emoji = /(\p{RGI_Emoji}+)/v

/** Whether a word is nothing but emoji. */
export const isEmoji = (word: string): boolean => /^\p{RGI_Emoji}+$/v.test(word)

/** A word of the caption, outlined and shadowed, drawn once; its middle is the picture's middle. */
export function wordSprite(word: string, size: number, width: number, ink: string): Canvas {
  const padding = size * 0.35
  const canvas = createCanvas(Math.ceil(width + 2 * padding), Math.ceil(size * 1.3 + 2 * padding))
  const pen = canvas.getContext('2d')
  pen.font = fontOf('caption', size)
  pen.textBaseline = 'middle'
  pen.lineJoin = 'round'
  pen.lineWidth = size * 0.13
  pen.strokeStyle = contrastOf(ink)
  pen.fillStyle = ink

  const shadowed = (draw: () => void) => {
    pen.shadowColor = 'rgba(0,0,0,.55)'
    pen.shadowBlur = size * 0.16
    pen.shadowOffsetY = size * 0.06
    draw()
    pen.shadowColor = 'transparent'
  }

  // Emoji get no outline: stroking leaves a stray edge beside them.
  let x = padding
  const y = canvas.height / 2
  for (const run of word.split(emoji)) {
    if (isEmoji(run)) shadowed(() => pen.fillText(run, x, y))
    else {
      shadowed(() => pen.strokeText(run, x, y))
      pen.fillText(run, x, y)
    }
    x += widthOf(run, 'caption', size)
  }
  return canvas
}

/** The kicker: a word or two on a pill in the accent colour. */
export function chipSprite(text: string, unit: number, accent: string): Canvas {
  const size = labelSize.kicker * unit
  const width = widthOf(text, 'label', size) + 56 * unit
  const height = 78 * unit
  const canvas = createCanvas(Math.ceil(width), Math.ceil(height))
  const pen = canvas.getContext('2d')
  pen.fillStyle = accent
  pen.beginPath()
  pen.roundRect(0, 0, width, height, height / 2)
  pen.fill()

  pen.font = fontOf('label', size)
  pen.textAlign = 'center'
  pen.textBaseline = 'middle'
  pen.fillStyle = contrastOf(accent)
  pen.fillText(text, width / 2, height / 2 + 2 * unit)
  return canvas
}

/** Near black or near white, whichever can be read on the colour. Luma weights of BT.709. */
function contrastOf(colour: string): string {
  const channel = (at: number) => Number.parseInt(colour.slice(at, at + 2), 16) / 255
  const luma = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
  return luma > 0.4 ? '#0f0a1e' : '#f7f5ff'
}
