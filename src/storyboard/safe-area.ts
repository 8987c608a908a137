import type { Size } from './storyboard.ts'

/** Font sizes of the labels, in design pixels. */
export const labelSize = { kicker: 40, handle: 38 } as const

/**
 * Where TikTok's own buttons and captions leave the picture free, and where ours go, in pixels of the video.
 *
 * Drawn for 1080x1920 and scaled by `unit`; other shapes keep the margins and use the width that remains. Published
 * measurements differ (top 130–250, bottom 320–460, right 120–180); the larger of each is kept, on both sides so that
 * captions stay centred.
 */
export interface SafeArea {
  /** One pixel of the 1080x1920 design. */
  readonly unit: number
  readonly top: number
  readonly bottom: number
  readonly side: number
  readonly captionWidth: number
  readonly captionHeight: number
  /** The caption's middle. */
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
