import type { Executor } from '../database.ts'

/**
 * What a transaction has changed so far: whose event sequences moved, which machine instances made a transition, and which queues have
 * new work that is due.
 */
export interface Changes {
  readonly organizationIds: Set<string>
  readonly instanceIds: Set<string>
  readonly queues: Set<string>
}

const collected = new WeakMap<Executor, Changes>()

/** Collects what the statements of a transaction change, from now until its end. */
export function collectChanges(tx: Executor): Changes {
  const changes: Changes = { organizationIds: new Set(), instanceIds: new Set(), queues: new Set() }
  collected.set(tx, changes)
  return changes
}

/** Adds a change to those that are collected for the transaction; does nothing where none are collected. */
export function recordChange(db: Executor, organizationId: string, instanceId?: string): void {
  const changes = collected.get(db)
  changes?.organizationIds.add(organizationId)
  if (instanceId !== undefined) changes?.instanceIds.add(instanceId)
}

/** Adds a queue to those whose workers are notified after the commit. */
export function recordQueued(db: Executor, queue: string): void {
  collected.get(db)?.queues.add(queue)
}
