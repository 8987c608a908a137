/** A requester and its reservation in one window. */
export interface QueuedRequest {
  readonly organizationId: string
  readonly requester: string
  readonly at: number
}

/**
 * Fairness in a window that organizations share: no organization's second call waits less than another's first, none's third
 * less than another's second, and so on. An organization with `n` queued requests may therefore take over another's reservation
 * only from that one's request number `n + 2` on, and only one that is not due yet. However many calls one organization queues,
 * the first call of a newcomer waits for at most one call of each organization.
 *
 * Returns the reservations between two instants that the organization may take over, the earliest first.
 */
export function preemptibleReservations(
  waiting: readonly QueuedRequest[],
  organizationId: string,
  { after, before }: { readonly after: number; readonly before: number },
): readonly QueuedRequest[] {
  const queues = Map.groupBy(waiting, (request) => request.organizationId)
  const ownLength = queues.get(organizationId)?.length ?? 0
  return [...queues]
    .filter(([owner]) => owner !== organizationId)
    .flatMap(([, queue]) => queue.toSorted(byTime).slice(ownLength + 1))
    .filter(({ at }) => at > after && at < before)
    .sort((a, b) => a.at - b.at || compare(a.organizationId, b.organizationId))
}

/**
 * The queue after one reservation was taken over and its organization got one at `end` instead. Its requesters keep their
 * order, so the later ones move on by one reservation each. None moves to an earlier instant, provided that `end` is after the
 * preempted reservation.
 */
export function shiftAfterPreemption(
  waiting: readonly QueuedRequest[],
  preempted: QueuedRequest,
  end: number,
): readonly QueuedRequest[] {
  const isInQueue = ({ organizationId }: QueuedRequest) => organizationId === preempted.organizationId
  const queue = waiting.filter(isInQueue).sort(byTime)
  const instants = queue.map(({ at }) => at)
  instants.splice(instants.indexOf(preempted.at), 1)
  instants.push(end)
  instants.sort((a, b) => a - b)
  return [
    ...waiting.filter((request) => !isInQueue(request)),
    ...queue.map((request, index) => ({ ...request, at: instants[index] ?? end })),
  ]
}

const byTime = (a: QueuedRequest, b: QueuedRequest) => a.at - b.at || compare(a.requester, b.requester)

/** By code units, as the stores compare. */
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
