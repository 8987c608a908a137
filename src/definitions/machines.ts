import { accountLogic } from '../../machines/account.ts'
import { breakerLogic } from '../../machines/breaker.ts'
import { jobLogic } from '../../machines/job/job.ts'
import { mediaLogic } from '../../machines/media.ts'
import { planLogic } from '../../machines/plan.ts'
import { initialCheckpoint } from '../durable/decide.ts'
import type { DurableMachine } from '../durable/machine.ts'
import { upgradeJobFrom1, upgradeJobFrom2, upgradeJobFrom3 } from './upgrade-job.ts'

/**
 * Version 2 added `held` and `checkingHold`, late posts that a person allows, and the approval of an open post. Version 3 added slots
 * with a media, and the type of the video; version 4 previews.
 */
export const jobMachine = {
  name: 'job',
  version: 4,
  logic: jobLogic,
  upgrades: { 1: upgradeJobFrom1, 2: upgradeJobFrom2, 3: upgradeJobFrom3 },
  polls: new Set(['checkClip', 'checkPost']),
} satisfies DurableMachine

export const accountMachine = {
  name: 'account',
  version: 1,
  logic: accountLogic,
  upgrades: {},
} satisfies DurableMachine

export const planMachine = {
  name: 'plan',
  version: 1,
  logic: planLogic,
  upgrades: {},
} satisfies DurableMachine

export const mediaMachine = {
  name: 'media',
  version: 1,
  logic: mediaLogic,
  upgrades: {},
} satisfies DurableMachine

export const breakerMachine = {
  name: 'breaker',
  version: 1,
  logic: breakerLogic,
  upgrades: {},
} satisfies DurableMachine

/** The checkpoint of a breaker without a row: closed, no failures. */
export const initialBreaker = initialCheckpoint(breakerMachine, {}, { at: 0, key: 'breaker/1', epoch: null })
