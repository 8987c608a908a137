import { fromPromise } from 'xstate'

/**
 * Names a step in a machine: its input and output types. The work itself is done by a worker, from `src/steps/`;
 * nothing runs inside the machine.
 */
export function step<Input, Output = null>() {
  return fromPromise<Output, Input>(() => {
    throw new Error('a machine performs nothing: steps are performed by the runtime')
  })
}

/** When an event happened, in epoch milliseconds of the database's clock; the runtime stamps every event with it. */
export function eventTime(event: object): number {
  if ('at' in event && typeof event.at === 'number') return event.at
  throw new Error('an event reached a machine without the time at which it happened')
}
