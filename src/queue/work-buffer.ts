interface Grouped {
  readonly groupId?: string | null
}

/** Work that was fetched and waits for a free slot in this process, in the order in which it was fetched. */
export class WorkBuffer<Work extends Grouped> {
  /** With the time at which each was added. A map iterates in the order of insertion. */
  readonly #addedAt = new Map<Work, number>()
  readonly #groups = new Map<string, Set<Work>>()

  get size(): number {
    return this.#addedAt.size
  }

  [Symbol.iterator](): Iterator<Work> {
    return this.#addedAt.keys()
  }

  add(work: Work, now: number): void {
    this.#addedAt.set(work, now)
    const { groupId } = work
    if (groupId == null) return
    const group = this.#groups.get(groupId) ?? new Set()
    this.#groups.set(groupId, group.add(work))
  }

  takeOldest(): Work | undefined {
    const [oldest] = this.#addedAt.keys()
    return this.#take(oldest)
  }

  /** Takes the oldest work of a group that qualifies. */
  takeOfGroup(qualifies: (groupId: string) => boolean): Work | undefined {
    for (const [groupId, group] of this.#groups) {
      if (!qualifies(groupId)) continue
      const [oldest] = group
      return this.#take(oldest)
    }
    return undefined
  }

  /** Takes everything that was added before an instant. */
  takeAddedBefore(instant: number): Work[] {
    const taken: Work[] = []
    for (const [work, addedAt] of this.#addedAt) {
      if (addedAt >= instant) break
      taken.push(work)
    }
    for (const work of taken) this.#take(work)
    return taken
  }

  #take(work: Work | undefined): Work | undefined {
    if (!work) return undefined
    this.#addedAt.delete(work)
    const { groupId } = work
    if (groupId == null) return work
    const group = this.#groups.get(groupId)
    group?.delete(work)
    if (group?.size === 0) this.#groups.delete(groupId)
    return work
  }
}
