/** Parts of a job's history, state by state, from which tests compose whole histories. */

/** From the stored video to the slot's time. */
export const storedStates = ['checkingMedia', 'awaitingSlot'] as const
/** Opens a post. */
export const openingStates = ['publishing.preparing', 'publishing.initialising'] as const
/** Opens a post and sends its chunks. */
export const uploadingStates = (chunks = 1) => [
  ...openingStates,
  ...Array(chunks).fill('publishing.uploading'),
]
/** Backs off and goes on from the slot's time, which has passed. */
export const retryStates = ['publishing.backingOff', 'awaitingSlot'] as const
/** The init is deferred, and repeated as soon as it is permitted. */
export const deferredInitStates = ['publishing.deferred', 'publishing.initialising'] as const
/** The last chunk was accepted. The first poll, which is no state of its own, answers that the post is published. */
export const sentStates = ['watching.accepted'] as const
export const publishedStates = ['closing', 'published'] as const

/** The states before the first occurrence of a state. */
export function statesBefore(state: string, history: readonly string[]): readonly string[] {
  const index = history.indexOf(state)
  if (index < 0) throw new Error(`${state} is not in the history: ${history.join(', ')}`)
  return history.slice(0, index)
}
