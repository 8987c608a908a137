import { jobLogic } from '../../machines/job.ts'
import type { DurableMachine } from '../durable/machine.ts'

export const jobMachine: DurableMachine = { name: 'job', version: 1, logic: jobLogic, upgrades: {} }
