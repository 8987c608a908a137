import { builder } from './builder.ts'
import { Account, Checkpoint, Event, Job, Plan, Scan, ScanDecision, Slot } from './ref.ts'

/** The pages of each list. Whoever may read the things may read lists of them. */
const authScopes = { read: true } as const

export const AccountConnection = builder.connectionObject(
  { type: Account, name: 'AccountConnection', description: 'A page of accounts.', authScopes },
  { name: 'AccountEdge', description: 'An account in a list.', authScopes },
)
export const PlanConnection = builder.connectionObject(
  { type: Plan, name: 'PlanConnection', description: 'A page of plans.', authScopes },
  { name: 'PlanEdge', description: 'A plan in a list.', authScopes },
)
export const SlotConnection = builder.connectionObject(
  { type: Slot, name: 'SlotConnection', description: 'A page of slots.', authScopes },
  { name: 'SlotEdge', description: 'A slot in a list.', authScopes },
)
export const JobConnection = builder.connectionObject(
  { type: Job, name: 'JobConnection', description: 'A page of jobs.', authScopes },
  { name: 'JobEdge', description: 'A job in a list.', authScopes },
)
export const CheckpointConnection = builder.connectionObject(
  { type: Checkpoint, name: 'CheckpointConnection', description: 'A page of transitions.', authScopes },
  { name: 'CheckpointEdge', description: 'A transition in a list.', authScopes },
)
export const EventConnection = builder.connectionObject(
  { type: Event, name: 'EventConnection', description: 'A page of events.', authScopes },
  { name: 'EventEdge', description: 'An event in a list.', authScopes },
)
export const ScanConnection = builder.connectionObject(
  { type: Scan, name: 'ScanConnection', description: 'A page of scans.', authScopes },
  { name: 'ScanEdge', description: 'A scan in a list.', authScopes },
)
export const ScanDecisionConnection = builder.connectionObject(
  { type: ScanDecision, name: 'ScanDecisionConnection', description: 'A page of decisions.', authScopes },
  { name: 'ScanDecisionEdge', description: 'A decision in a list.', authScopes },
)
