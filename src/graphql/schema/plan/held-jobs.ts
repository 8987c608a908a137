import type { PayloadBuilder } from '../builder.ts'
import { Job } from '../ref.ts'

/** What a mutation says that may hold jobs of a plan. An answer that was kept before jobs were held names none. */
export interface HoldsShown {
  readonly heldJobs?: readonly string[]
  readonly unstoppableJobs?: readonly string[]
}

/** The fields of a payload that say which jobs a change holds, and which it comes too late for. */
export function heldJobsFields<Shown extends HoldsShown>(t: PayloadBuilder<Shown>) {
  return {
    heldJobs: t.field({
      type: [Job],
      nullable: { list: false, items: true },
      description:
        'The unfinished jobs of the plan that may not go on as it is now: they post nothing until what holds them is lifted.',
      resolve: ({ heldJobs = [] }, _args, { load }) => heldJobs.map((id) => load.job.load(id)),
    }),
    unstoppableJobs: t.field({
      type: [Job],
      nullable: { list: false, items: true },
      description:
        'Jobs of the plan that this would hold, but for whose post it may come too late: all of it was sent, or its last chunk is on its way.',
      resolve: ({ unstoppableJobs = [] }, _args, { load }) => unstoppableJobs.map((id) => load.job.load(id)),
    }),
  }
}
