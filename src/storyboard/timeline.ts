import type { Storyboard } from './storyboard.ts'

/** The frames of a scene within the video. */
export interface Span {
  readonly sceneIndex: number
  readonly startFrame: number
  readonly frames: number
}

export interface Timeline {
  readonly spans: readonly Span[]
  readonly frames: number
}

/**
 * Assigns whole frames to the scenes.
 *
 * The cumulative time is rounded, not each scene: the error stays below half a frame for any number of scenes, so picture and
 * sound do not drift apart.
 */
export function timelineOf({ scenes, fps }: Pick<Storyboard, 'scenes' | 'fps'>): Timeline {
  let seconds = 0
  let startFrame = 0
  const spans = scenes.map((scene, sceneIndex): Span => {
    seconds += scene.seconds
    const endFrame = Math.round(seconds * fps)
    const span = { sceneIndex, startFrame, frames: endFrame - startFrame }
    startFrame = endFrame
    return span
  })

  return { spans, frames: startFrame }
}
