import { planLogic } from '../../machines/plan.ts'
import type { DurableMachine } from '../durable/machine.ts'

export const planMachine: DurableMachine = { name: 'plan', version: 1, logic: planLogic, upgrades: {} }
