import type { StepError } from '../../machines/rules/failure.ts'
import type { Checkpoint, Json, MachineEvent } from '../../src/durable/checkpoint.ts'
import { decide, doneEvent, failureEvent, initialCheckpoint } from '../../src/durable/decide.ts'
import type { DurableMachine } from '../../src/durable/machine.ts'

export const day = 86_400_000

/** Drives a machine as the runtime does, with outcomes given by the test and a clock that only `timer` advances. */
export class Walk {
  checkpoint: Checkpoint
  at = day
  readonly visited: string[] = []
  readonly #machine: DurableMachine
  #revision = 1

  constructor(machine: DurableMachine, input: object) {
    this.#machine = machine
    this.checkpoint = initialCheckpoint(machine, input, { at: this.at, key: 'walk/1', epoch: null })
    this.visited.push(this.state)
  }

  get state(): string {
    return this.checkpoint.state
  }

  send(event: MachineEvent): this {
    this.#revision += 1
    const facts = { at: this.at, key: `walk/${this.#revision}`, epoch: 1 }
    const decision = decide(this.#machine, this.checkpoint, event, facts)
    if (decision.kind === 'refused') throw new Error(`${event.type} was refused in ${decision.state}`)
    this.checkpoint = decision.checkpoint
    this.visited.push(this.state)
    return this
  }
  /** Completes the pending step; throws if another step, or none, is pending. */
  done(stepId: string, output: Json = null): this {
    if (this.checkpoint.step?.id !== stepId)
      throw new Error(
        `${stepId} is not pending in ${this.state}: ${this.checkpoint.step?.id ?? 'no step'} is`,
      )
    return this.send(doneEvent(stepId, output))
  }
  /** Fails the pending step, whichever it is. */
  fail(error: StepError): this {
    if (!this.checkpoint.step) throw new Error(`no step is pending in ${this.state}`)
    return this.send(failureEvent(this.checkpoint.step.id, error as unknown as Json))
  }
  timer(): this {
    const [timer] = Object.values(this.checkpoint.timers)
    if (!timer) throw new Error(`no timer in ${this.state}`)
    this.at = Math.max(this.at, timer.dueAt)
    return this.send(timer.event)
  }
}
