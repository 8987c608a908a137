import { accountLogic } from '../../machines/account.ts'
import type { DurableMachine } from '../durable/machine.ts'

export const accountMachine: DurableMachine = {
  name: 'account',
  version: 1,
  logic: accountLogic,
  upgrades: {},
}
