import { EventsDeleted } from '../../store/event/read.ts'
import { requestError } from '../schema/error.ts'

/** Throws `AFTER_TOO_OLD` if events after the cursor were deleted: whoever continued from there would miss them. */
export async function requireKept<Result>(reading: Promise<Result>): Promise<Result> {
  try {
    return await reading
  } catch (error) {
    if (!(error instanceof EventsDeleted)) throw error
    const hint =
      'read the current state, then continue without `after`, or with 0 for the events that are kept'
    throw requestError('AFTER_TOO_OLD', `${error.message}: ${hint}`, { firstSequence: error.through + 1 })
  }
}
