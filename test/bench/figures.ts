/** The figures of one contender: one for each round. */
export interface Figures {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function figuresOf(values: readonly number[]): Figures {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const at = (index: number) => sorted[index] ?? Number.NaN
  return {
    median: Number.isInteger(middle) ? (at(middle - 1) + at(middle)) / 2 : at(Math.floor(middle)),
    min: at(0),
    max: at(sorted.length - 1),
  }
}

export function describeFigures({ median, min, max }: Figures): string {
  return `${format(median)} [${format(min)}–${format(max)}]`
}

export function format(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en')
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
