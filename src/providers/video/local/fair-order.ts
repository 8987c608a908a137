/** A video of which clips are queued. */
export interface QueuedVideo {
  readonly organizationId: string
  /** Milliseconds since 1970; infinite without a due time. */
  readonly dueAt: number
  /** How much of it is to be rendered. */
  readonly seconds: number
}

export interface WaitingClip {
  readonly clipKey: string
  readonly video: QueuedVideo
}

/**
 * Remembers how much was rendered for whom. This is start-time fair queueing: on a virtual clock, an organization's next turn
 * comes after the seconds of its videos that have begun, and the clock shows the turn that was served last. An organization
 * that had nothing to render joins at the clock's time, so that it saves up no turns.
 */
export class Turns {
  #now = 0
  readonly #paidUntil = new Map<string, number>()
  readonly #begunAt = new WeakMap<QueuedVideo, number>()
  readonly #earlier: Turns | undefined

  /** Continues from the turns so far without changing them. */
  constructor(earlier?: Turns) {
    this.#earlier = earlier
    if (earlier === undefined) return
    this.#now = earlier.#now
    this.#paidUntil = new Map(earlier.#paidUntil)
  }

  /** When it is the video's turn, on the virtual clock. A video that has begun keeps its turn. */
  turnOf(video: QueuedVideo): number {
    return this.#begunOf(video) ?? Math.max(this.#now, this.#paidUntil.get(video.organizationId) ?? 0)
  }

  begin(video: QueuedVideo): void {
    if (this.#begunOf(video) !== undefined) return
    const turn = this.turnOf(video)
    this.#begunAt.set(video, turn)
    this.#paidUntil.set(video.organizationId, turn + video.seconds)
    this.#now = turn
    // Whose next turn has passed joins like a new organization, so nothing needs to be remembered of it.
    for (const [organizationId, until] of this.#paidUntil)
      if (until <= turn) this.#paidUntil.delete(organizationId)
  }

  #begunOf(video: QueuedVideo): number | undefined {
    const earlier = this.#earlier
    return this.#begunAt.get(video) ?? (earlier === undefined ? undefined : earlier.#begunOf(video))
  }
}

/**
 * Lists waiting clips in the order in which they are rendered. An organization's clips are taken by their due times, and in
 * order of submission for equal ones. Organizations take turns, a video each; of those whose turn is the same, the clip that
 * is due first goes first. So an early slot never waits for a later one of an organization that had its turn.
 */
export function* inFairOrder<Clip extends WaitingClip>(
  turns: Turns,
  waiting: Iterable<Clip>,
): Generator<Clip, void, void> {
  const queues = new Map<string, Clip[]>()
  for (const clip of waiting) {
    const queue = queues.get(clip.video.organizationId)
    if (queue === undefined) queues.set(clip.video.organizationId, [clip])
    else queue.push(clip)
  }
  // The first clip of each queue is its last element, which is removed without moving the others.
  for (const queue of queues.values()) queue.sort((a, b) => compare(a.video.dueAt, b.video.dueAt)).reverse()

  const ahead = new Turns(turns)
  for (;;) {
    let next: Clip | undefined
    for (const queue of queues.values()) {
      const clip = queue.at(-1)
      if (clip && (next === undefined || isBefore(ahead, clip.video, next.video))) next = clip
    }
    if (next === undefined) return
    ahead.begin(next.video)
    queues.get(next.video.organizationId)?.pop()
    yield next
  }
}

function isBefore(turns: Turns, video: QueuedVideo, other: QueuedVideo): boolean {
  return (compare(turns.turnOf(video), turns.turnOf(other)) || compare(video.dueAt, other.dueAt)) < 0
}

/** Infinity equals itself, which a difference does not show. */
const compare = (a: number, b: number) => (a < b ? -1 : a > b ? 1 : 0)
