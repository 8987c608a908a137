/** The courses that jobs take, state by state, as tests put a whole history together of them. */

/** From the stored video to the slot. */
export const storedStates = ['checkingMedia', 'awaitingSlot'] as const
/** Opens a post. */
export const openingStates = ['publishing.preparing', 'publishing.initialising'] as const
/** A post is opened, and its one chunk or as many chunks as told are sent. */
export const uploadingStates = (chunks = 1) => [
  ...openingStates,
  ...Array(chunks).fill('publishing.uploading'),
]
/** Tries again from the slot on, which has passed by now. */
export const retryStates = ['publishing.backingOff', 'awaitingSlot'] as const
/** The init was not its turn; when it is, it is made at once. */
export const deferredInitStates = ['publishing.deferred', 'publishing.initialising'] as const
/** Sends a post's one chunk; TikTok is asked what became of it and says at once that it is out. */
export const sentStates = ['watching.accepted', 'watching.checking'] as const
export const publishedStates = ['closing', 'published'] as const

/** What came before a state was reached for the first time. */
export function statesBefore(state: string, history: readonly string[]): readonly string[] {
  const index = history.indexOf(state)
  if (index < 0) throw new Error(`never ${state}: ${history.join(', ')}`)
  return history.slice(0, index)
}
