import { fromPromise } from 'xstate'

/**
 * Declares a step's input and output types in a machine. A worker performs it, from `src/steps/`; nothing runs inside the
 * machine.
 */
export function step<Input, Output = null>() {
  return fromPromise<Output, Input>(() => {
    throw new Error('steps are performed by the runtime, not by the machine')
  })
}

/** The time of an event, in epoch milliseconds of the database's clock. The runtime adds it to every event. */
export function eventTime(event: object): number {
  if ('at' in event && typeof event.at === 'number') return event.at
  throw new Error('the event has no time "at"')
}
