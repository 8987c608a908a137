import { builder } from './builder.ts'
import './scalar.ts'
import './error-type.ts'
import './viewer.ts'
import './node.ts'
import './organization.ts'
import './api-key.ts'
import './account/account.ts'
import './account/account-health.ts'
import './account/account-mutations.ts'
import './plan/plan.ts'
import './plan/plan-mutations.ts'
import './plan/slot.ts'
import './plan/slot-mutations.ts'
import './plan/preview.ts'
import './media/media.ts'
import './media/media-list.ts'
import './media/media-mutations.ts'
import './job/job.ts'
import './job/job-mutations.ts'
import './job/dead-letter.ts'
import './job/post.ts'
import './failure-verdict.ts'
import './job/checkpoint.ts'
import '../events/event.ts'
import '../events/subscription.ts'
import './plan/scan.ts'
import './quota/quota.ts'
import './quota/quota-limit.ts'
import './quota/quota-statement.ts'
import './quota/quota-forecast.ts'
import './quota/quota-zone.ts'
import './limits/circuit-breaker.ts'
import './limits/rate-limit.ts'
import './state-machine.ts'

builder.queryType({ description: 'The queries of the API.' })
builder.mutationType({
  description:
    'The mutations of the API. Each returns its payload or a typed error. A mutation that returns an error has no effect.',
})

/** The schema of the API, from the types that the imported files define. */
export const schema = builder.toSchema()
