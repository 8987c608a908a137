import type { StepError } from '../../machines/rules/failure.ts'
import type { Checkpoint, Json, MachineEvent } from '../../src/durable/checkpoint.ts'
import { decide, doneEvent, failureEvent, initialCheckpoint } from '../../src/durable/decide.ts'
import type { DurableMachine } from '../../src/durable/machine.ts'

export const day = 86_400_000

/** Drives a machine as the runtime does, with the outcomes that a test names, on a clock that stands until it is asked. */
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
  done(output: Json = null): this {
    return this.send(doneEvent(this.checkpoint.step?.id ?? '', output))
  }
  fail(error: StepError): this {
    return this.send(failureEvent(this.checkpoint.step?.id ?? '', error as unknown as Json))
  }
  timer(): this {
    const [timer] = Object.values(this.checkpoint.timers)
    if (!timer) throw new Error(`no timer in ${this.state}`)
    this.at = Math.max(this.at, timer.dueAt)
    return this.send(timer.event)
  }
}
