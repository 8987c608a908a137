import type { Progress } from '../../machines/job/context.ts'
import type { Failure } from '../../machines/rules/failure.ts'
import { nextStepFor } from '../verdict/failure-verdict.ts'

/** One state of a job or an account. */
export interface ProgressLine {
  readonly at: Date
  readonly label: string
  readonly state: string
  readonly progress: Progress | null
  /** Printed after everything else, such as the id of the post. */
  readonly suffix: string
}

const labelLength = 28
const stateLength = 24
const barLength = 16
const indent = ' '.repeat(10)

/** The columns of a line: UTC time, label, state, bar. */
export function formatLine({ at, label, state, progress, suffix }: ProgressLine): string {
  const time = at.toISOString().slice(11, 19)
  const bar = progress ? `  ${formatBar(progress)}` : ''
  return `${time}  ${label.padEnd(labelLength)}  ${state.padEnd(stateLength)}${bar}${suffix}`
}

/** The failure, and below it what a person does about it. */
export function failureLines(failure: Failure): readonly string[] {
  const { verdict, code, message } = failure
  return [detailLine(`${verdict} ${code}: ${message}`), detailLine(nextStepFor(failure))]
}

export function detailLine(text: string): string {
  return `${indent}${text}`
}

export function formatBar({ completed, total, unit }: Progress): string {
  const filled = total > 0 ? Math.round((completed / total) * barLength) : 0
  return `${'█'.repeat(filled)}${'░'.repeat(barLength - filled)}  ${Math.floor(completed * 10) / 10}/${total} ${unit}`
}

/** Shortens titles to the width of the label column. Ids whose titles would look alike get numbers: `Venus #2`. */
export function createLabels(): (id: string, title: string) => string {
  const labels = new Map<string, string>()
  const counts = new Map<string, number>()
  return (id, title) => {
    const known = labels.get(id)
    if (known !== undefined) return known
    const cut = title.slice(0, labelLength)
    const count = (counts.get(cut) ?? 0) + 1
    counts.set(cut, count)
    const number = ` #${count}`
    const label = count === 1 ? cut : `${title.slice(0, labelLength - number.length).trimEnd()}${number}`
    labels.set(id, label)
    return label
  }
}
