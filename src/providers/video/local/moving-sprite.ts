import type { SKRSContext2D } from '@napi-rs/canvas'
import type { Size } from '../../../storyboard/storyboard.ts'

export interface Rectangle extends Size {
  readonly x: number
  readonly y: number
}

/** A part of the picture that moves and has sharp edges. It paints within its bounds, in coordinates of the video. */
export interface MovingSprite {
  readonly bounds: Rectangle
  paint(pen: SKRSContext2D, frame: number): void
}
