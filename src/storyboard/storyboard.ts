export interface Palette {
  readonly base: string
  readonly blobs: readonly string[]
  readonly accent: string
  readonly ink: string
}

export interface Scene {
  readonly id: string
  readonly seconds: number
  /** The chip above the caption. */
  readonly kicker?: string
  readonly text: string
}

export interface Size {
  readonly width: number
  readonly height: number
}

/** A short video as data: everything that the renderer needs, defaults filled in. */
export interface Storyboard {
  readonly title?: string
  readonly size: Size
  readonly fps: 30
  /** Moves the background's dust and grain. */
  readonly seed: number
  /** The account's name, drawn at the bottom of every scene. */
  readonly handle?: string
  readonly palette: Palette
  readonly scenes: readonly Scene[]
}

/** One thing to correct. `path` is where, as in `scenes.2.text`; `message` says what would be right. */
export interface StoryboardIssue {
  readonly path: string
  readonly message: string
}

/** How long its video lasts. Rounded to a millisecond, or thirty scenes of 0.1 s would last longer than 3 s. */
export function secondsOf({ scenes }: Pick<Storyboard, 'scenes'>): number {
  return Math.round(scenes.reduce((sum, scene) => sum + scene.seconds, 0) * 1000) / 1000
}
