import { framesPerSecond } from './storyboard.ts'

/** How long a caption grows to its final size, in seconds. It is completely visible from the scene's first frame on. */
export const captionEntranceSeconds = 0.3

const firstCompleteFrame = Math.ceil(captionEntranceSeconds * framesPerSecond)

/**
 * The first frame of a video whose caption has its final size, in milliseconds from the start: the cover of a post unless its slot
 * names another frame. The same for every storyboard, because all have one frame rate and a scene takes at least 0.5 s.
 */
export const defaultCoverMs = Math.ceil((firstCompleteFrame * 1000) / framesPerSecond)
