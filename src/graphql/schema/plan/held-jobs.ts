import type { PayloadBuilder } from '../builder.ts'
import { Job } from '../ref.ts'

/** What a mutation says that may hold jobs of a plan. An answer that was kept before jobs were held names none. */
export interface HeldJobsPayload {
  readonly heldJobs?: readonly string[]
  readonly unstoppableJobs?: readonly string[]
}

/** The fields of a payload that say which jobs a change holds, and which it comes too late for. */
export function heldJobsFields<Payload extends HeldJobsPayload>(t: PayloadBuilder<Payload>) {
  return {
    heldJobs: t.field({
      type: [Job],
      nullable: { list: false, items: true },
      description:
        'The unfinished jobs of the plan that are held by its present state. They publish nothing until it permits them again.',
      resolve: ({ heldJobs = [] }, _args, { load }) => heldJobs.map((id) => load.job.load(id)),
    }),
    unstoppableJobs: t.field({
      type: [Job],
      nullable: { list: false, items: true },
      description:
        'The jobs of the plan that should be held but whose post may already be public: the last chunk was sent or is being sent.',
      resolve: ({ unstoppableJobs = [] }, _args, { load }) => unstoppableJobs.map((id) => load.job.load(id)),
    }),
  }
}
