import type { Storyboard } from './storyboard.ts'

/** A scene's place in the video, in frames. */
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
 * Lays the scenes on whole frames.
 *
 * The cumulative time is rounded, never a scene by itself: the error stays below half a frame however many scenes there
 * are, so picture and sound cannot drift apart.
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
