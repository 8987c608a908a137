/** The frame rate of every video. */
export const framesPerSecond = 30

export interface Palette {
  readonly base: string
  readonly blobs: readonly string[]
  readonly accent: string
  readonly ink: string
}

export interface Scene {
  readonly id: string
  readonly seconds: number
  /** A label above the caption. */
  readonly kicker?: string
  readonly text: string
}

export interface Size {
  readonly width: number
  readonly height: number
}

/** A short video as data, with all defaults filled in. */
export interface Storyboard {
  readonly title?: string
  readonly size: Size
  readonly fps: typeof framesPerSecond
  /** Seed of the background's dust and grain. */
  readonly seed: number
  /** The account's name, drawn at the bottom of every scene. */
  readonly handle?: string
  readonly palette: Palette
  readonly scenes: readonly Scene[]
}

/** One thing to correct. `path` is the field, such as `scenes.2.text`; `message` says what is valid. */
export interface StoryboardIssue {
  readonly path: string
  readonly message: string
}

/** The duration of a storyboard's video, rounded to a millisecond: the sum of 30 scenes of 0.1 s exceeds 3 s otherwise. */
export function secondsOf({ scenes }: Pick<Storyboard, 'scenes'>): number {
  return Math.round(scenes.reduce((sum, scene) => sum + scene.seconds, 0) * 1000) / 1000
}
