import type { SimulatorDependencies } from './dependencies.ts'
import type { Call } from './http/call.ts'
import type { Rates } from './http/rate.ts'
import type { Reply } from './http/reply.ts'
import type { Pulls } from './post/pull.ts'
import type { Outbox } from './webhook/outbox.ts'

/** Everything that an endpoint may read or change. */
export interface SimulatorContext extends SimulatorDependencies {
  readonly rates: Rates
  readonly outbox: Outbox
  readonly pulls: Pulls
}

export type Handler = (context: SimulatorContext, call: Call) => Promise<Reply>
