/** A requester and the place that it was promised in one window. */
export interface QueuedRequest {
  readonly organizationId: string
  readonly requester: string
  readonly at: number
}

/**
 * Whose turn it is in a window that organizations share: nobody's second call waits less than anybody's first, nobody's
 * third less than anybody's second, and so on. So an organization that has `n` holders in line may take over a promised
 * place of another's only from that one's requester number `n + 2` on, and only one that is not due yet. However many calls
 * somebody piles up, a newcomer's first waits for at most one call of each organization.
 *
 * Answers the places that may be taken over between two instants, the earliest first.
 */
export function preemptibleReservations(
  waiting: readonly QueuedRequest[],
  organizationId: string,
  { after, before }: { readonly after: number; readonly before: number },
): readonly QueuedRequest[] {
  const lines = Map.groupBy(waiting, (one) => one.organizationId)
  const ahead = lines.get(organizationId)?.length ?? 0
  return [...lines]
    .filter(([owner]) => owner !== organizationId)
    .flatMap(([, line]) => line.toSorted(byTime).slice(ahead + 1))
    .filter(({ at }) => at > after && at < before)
    .sort((a, b) => a.at - b.at || compare(a.organizationId, b.organizationId))
}

/**
 * The line after one of its places was taken over and its organization was given one at `end` instead: its holders keep
 * their order among themselves, so the later ones move on by one place each. None of them comes to an earlier place than
 * it was told, provided that `end` is after the place that was taken.
 */
export function shiftAfterPreemption(
  waiting: readonly QueuedRequest[],
  taken: QueuedRequest,
  end: number,
): readonly QueuedRequest[] {
  const isTheirs = ({ organizationId }: QueuedRequest) => organizationId === taken.organizationId
  const line = waiting.filter(isTheirs).sort(byTime)
  const places = line.map(({ at }) => at)
  places.splice(places.indexOf(taken.at), 1)
  places.push(end)
  places.sort((a, b) => a - b)
  return [
    ...waiting.filter((one) => !isTheirs(one)),
    ...line.map((one, index) => ({ ...one, at: places[index] ?? end })),
  ]
}

const byTime = (a: QueuedRequest, b: QueuedRequest) => a.at - b.at || compare(a.requester, b.requester)

/** By code units, as the stores compare. */
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
