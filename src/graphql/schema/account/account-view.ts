import {
  type AccountFacts,
  type AccountHealth,
  accountHealth,
  slotFailure,
} from '../../../../machines/rules/account-health.ts'
import type { Failure } from '../../../../machines/rules/failure.ts'
import { creatorViolations } from '../../../commands/plan/creator-rules.ts'
import { accountMachine } from '../../../definitions/machines.ts'
import { acceptedEvents } from '../../../durable/decide.ts'
import { contextOf } from '../../../durable/machine.ts'
import type { AccountRecord, UpcomingSlot } from '../../../store/account/accounts.ts'
import { violationFailure } from '../../../verdict/violation-failure.ts'

/** The areas of the account machine as the API names them. */
const areas = {
  connecting: 'CONNECTING',
  connected: 'CONNECTED',
  refreshing: 'REFRESHING',
  needsReauthorization: 'NEEDS_REAUTHORIZATION',
  revoked: 'REVOKED',
  disconnecting: 'DISCONNECTED',
  disconnected: 'DISCONNECTED',
} as const
export type AccountState = (typeof areas)[keyof typeof areas]

/** Where an account stands, from its machine's state, such as `refreshing.backingOff`. Throws for a state of no area. */
export function accountStateOf(path: string): AccountState {
  const [area = ''] = path.split('.')
  if (!Object.hasOwn(areas, area)) throw new Error(`the account machine has no state "${path}"`)
  return areas[area as keyof typeof areas] // One of them, as was just asked.
}

/** What people may send an account, each by a mutation. What the machine accepts besides is news from elsewhere. */
const peoplesEvents: ReadonlySet<string> = new Set(['disconnect'])

export function eventsOfAccount({ state, context }: AccountRecord): readonly string[] {
  const { name: machine, version } = accountMachine
  const checkpoint = { machine, version, state, tag: 'resting', context, step: null, timers: {} } as const
  return acceptedEvents(accountMachine, checkpoint).filter((event) => peoplesEvents.has(event))
}

/** Whether posts can be made for an account. `now` is the database's time. */
export function healthOfAccount(
  { state, context, scopes, accessExpiresAt }: AccountRecord,
  seen: Pick<AccountFacts, 'now' | 'isKeyMissing'>,
): AccountHealth {
  const { failure } = contextOf(accountMachine, { context })
  return accountHealth({
    state,
    scopes,
    accessExpiresAt: accessExpiresAt?.getTime() ?? null,
    failure,
    ...seen,
  })
}

/** How many of an account's coming slots are looked at: those after them come another day. */
export const maxUpcomingSlots = 400

/** A slot whose post will not be made, and why. */
export interface SlotAtRisk {
  readonly slotId: string
  readonly failsAt: Date
  readonly failure: Failure
}

/** Which of an account's coming slots fail if nobody acts, in their order. */
export function slotsAtRisk(
  { scopes, creator }: AccountRecord,
  health: AccountHealth,
  upcoming: readonly UpcomingSlot[],
): readonly SlotAtRisk[] {
  return upcoming.flatMap(({ slotId, publishAt, ...settings }) => {
    const failure =
      slotFailure(health, scopes, { publishAt: publishAt.getTime(), mode: settings.mode }) ??
      violationFailure(creatorViolations(creator, settings))
    return failure ? [{ slotId, failsAt: publishAt, failure }] : []
  })
}
