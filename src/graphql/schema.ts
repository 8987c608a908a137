import { builder } from './builder.ts'
import './scalar.ts'
import './error-type.ts'
import './viewer.ts'
import './node.ts'
import './organization.ts'
import './api-key.ts'
import './account.ts'
import './account-health.ts'
import './account-connecting.ts'
import './plan.ts'
import './plan-steering.ts'
import './slot.ts'
import './slot-writing.ts'
import './job.ts'
import './job-steering.ts'
import './dead-letter.ts'
import './post.ts'
import './failure-verdict.ts'
import './checkpoint.ts'
import './event.ts'
import './subscription.ts'
import './scan.ts'
import './quota.ts'
import './quota-limit.ts'
import './quota-statement.ts'
import './quota-forecast.ts'
import './quota-zone.ts'
import './circuit-breaker.ts'
import './rate-limit.ts'
import './state-machine.ts'

builder.queryType({ description: 'Everything that can be read.' })
builder.mutationType({
  description:
    'Everything that can be done. Each answers its success or a typed error; after an error nothing was done.',
})

/** The schema of the API: what the imported files have told the builder. */
export const schema = builder.toSchema()
