import type { EventFilter, RoutedEvent } from '../../store/event/read.ts'

/**
 * The topic of a filter. Subscribers are indexed by it within their organization, so an event costs nothing for those whom it does
 * not concern.
 */
export function topicOf(filter: EventFilter): string {
  switch (filter.kind) {
    case 'all':
      return 'all'
    case 'job':
      return `job ${filter.jobId}`
    case 'plan':
      return `plan ${filter.planId}`
    case 'account':
      return `account ${filter.accountId}`
    case 'family':
      return `family ${filter.family}`
  }
}

/** The topics of an event: of every filter that it passes. `conditionsOf` in the store says the same in SQL. */
export function topicsOf({ type, jobId, accountId, planOfSlot }: RoutedEvent): readonly string[] {
  const family = type.slice(0, type.indexOf('.'))
  const topics = [topicOf({ kind: 'all' }), topicOf({ kind: 'family', family })]
  if (jobId !== null) topics.push(topicOf({ kind: 'job', jobId }))
  if (planOfSlot !== null) topics.push(topicOf({ kind: 'plan', planId: planOfSlot }))
  if (accountId !== null && family === 'account') topics.push(topicOf({ kind: 'account', accountId }))
  return topics
}
