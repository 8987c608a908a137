import type { ObjectRef } from '@pothos/core'
import { builder, type Types } from './builder.ts'
import { Account, Event, Job, JobTransition, Media, Plan, Scan, ScanDecision, Slot } from './ref.ts'

/**
 * Defines the connection type of a list, `<Type>Connection`, and its edge type, `<Type>Edge`.
 * Both need the read scope.
 */
export function connectionTypes<Row>(
  type: ObjectRef<Types, Row> & { readonly name: string },
  descriptions: { readonly connection: string; readonly edge: string },
) {
  const authScopes = { read: true }
  return builder.connectionObject(
    { type, name: `${type.name}Connection`, description: descriptions.connection, authScopes },
    { name: `${type.name}Edge`, description: descriptions.edge, authScopes },
  )
}

export const AccountConnection = connectionTypes(Account, {
  connection: 'A page of accounts.',
  edge: 'An account and its cursor.',
})
export const PlanConnection = connectionTypes(Plan, {
  connection: 'A page of plans.',
  edge: 'A plan and its cursor.',
})
export const SlotConnection = connectionTypes(Slot, {
  connection: 'A page of slots.',
  edge: 'A slot and its cursor.',
})
export const JobConnection = connectionTypes(Job, {
  connection: 'A page of jobs.',
  edge: 'A job and its cursor.',
})
export const JobTransitionConnection = connectionTypes(JobTransition, {
  connection: 'A page of job transitions.',
  edge: 'A job transition and its cursor.',
})
export const EventConnection = connectionTypes(Event, {
  connection: 'A page of events.',
  edge: 'An event and its cursor.',
})
export const ScanConnection = connectionTypes(Scan, {
  connection: 'A page of scans.',
  edge: 'A scan and its cursor.',
})
export const ScanDecisionConnection = connectionTypes(ScanDecision, {
  connection: 'A page of scan decisions.',
  edge: 'A scan decision and its cursor.',
})
export const MediaConnection = connectionTypes(Media, {
  connection: 'A page of media.',
  edge: 'A media and its cursor.',
})
