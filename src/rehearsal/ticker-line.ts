import type { Failure } from '../../machines/rules/failure.ts'
import { nextStepFor } from '../verdict/failure-verdict.ts'

export interface Progress {
  readonly done: number
  readonly of: number
  readonly unit: string
}

/** What is shown of one state of a job or an account. */
export interface TickerLine {
  readonly at: Date
  readonly label: string
  readonly state: string
  readonly progress: Progress | null
  /** What is said after all else, such as the id of the post. */
  readonly end: string
}

const labelLength = 28
const barLength = 16
const indent = ' '.repeat(10)

export function lineOf({ at, label, state, progress, end }: TickerLine): string {
  const time = at.toISOString().slice(11, 19)
  return `${time}  ${label.padEnd(labelLength)}  ${state.padEnd(24)}${progress ? `  ${barOf(progress)}` : ''}${end}`
}

/** What went wrong, and below it what a person does about it. */
export function failureLines(failure: Failure): readonly string[] {
  const { verdict, code, message } = failure
  return [`${indent}${verdict} ${code}: ${message}`, `${indent}${nextStepFor(failure)}`]
}

export function detailLine(text: string): string {
  return `${indent}${text}`
}

export function barOf({ done, of, unit }: Progress): string {
  const filled = of > 0 ? Math.round((done / of) * barLength) : 0
  return `${'█'.repeat(filled)}${'░'.repeat(barLength - filled)}  ${Math.floor(done * 10) / 10}/${of} ${unit}`
}

/**
 * Names things in the width of a column, each by its title, cut off if it is long. What would look like something
 * that was named before gets a number.
 */
export function createLabels(): (id: string, title: string) => string {
  const labels = new Map<string, string>()
  const taken = new Map<string, number>()
  return (id, title) => {
    const known = labels.get(id)
    if (known !== undefined) return known
    const cut = title.slice(0, labelLength)
    const count = (taken.get(cut) ?? 0) + 1
    taken.set(cut, count)
    const number = ` #${count}`
    const label = count === 1 ? cut : `${title.slice(0, labelLength - number.length).trimEnd()}${number}`
    labels.set(id, label)
    return label
  }
}
