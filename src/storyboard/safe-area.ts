import type { Size } from './storyboard.ts'

/** Font sizes of the labels, in design pixels. */
export const labelSize = { kicker: 40, handle: 38 } as const

/**
 * The area that TikTok's own controls do not cover, in pixels of the video.
 *
 * Designed for 1080x1920 and scaled by `unit`; other formats keep the margins and use the remaining width. Published
 * measurements differ (top 130–250, bottom 320–460, right 120–180); the larger values are used, on both sides so that
 * captions are centred.
 */
export interface SafeArea {
  /** One pixel of the 1080x1920 design. */
  readonly unit: number
  readonly top: number
  readonly bottom: number
  readonly side: number
  readonly captionWidth: number
  readonly captionHeight: number
  /** The vertical middle of the caption. */
  readonly centreY: number
}

export function safeAreaOf({ width, height }: Size): SafeArea {
  const unit = Math.min(width / 1080, height / 1920)
  return {
    unit,
    top: 250 * unit,
    bottom: 420 * unit,
    side: 150 * unit,
    captionWidth: width - 300 * unit,
    captionHeight: 900 * unit,
    centreY: height * 0.47,
  }
}
