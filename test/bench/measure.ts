import type { BenchDatabase } from './bench-database.ts'
import { type Figures, figuresOf } from './figures.ts'
import type { PeerPrograms } from './peers.ts'
import type { Form, Row } from './row.ts'

const rounds = 5

/** A row's figures. `error` replaces a contender that failed: the others are still worth reading. */
export interface Measured {
  readonly name: string
  readonly unit: string
  readonly figures: Readonly<Record<string, Figures>>
  readonly errors: Readonly<Record<string, string>>
  /** The product's median divided by the limit's. */
  readonly ratio: number
  readonly goal: number
  readonly isReached: boolean
}

/** Measures a row in rotated rounds: each contender comes first in turn, so that a noisy neighbour hits all of them. */
export async function measureRow(
  row: Row,
  database: BenchDatabase,
  { form, peers }: { readonly form: Form; readonly peers: PeerPrograms | null },
): Promise<Measured> {
  const contenders = await row.open(database, form)
  const errors: Record<string, string> = {}
  const values: Record<string, number[]> = {}
  const measurements: [string, () => Promise<number>][] = [
    ['product', contenders.product],
    ['limit', contenders.limit],
    ...Object.entries(contenders.others ?? {}),
    ...(peers ? (row.peers ?? []) : []).map((peer): [string, () => Promise<number>] => [
      peer.name,
      () => peers?.measure(peer) ?? Promise.resolve(Number.NaN),
    ]),
  ]
  try {
    // A warm-up for what runs in this process, then the rounds.
    const own = measurements.length - (peers ? (row.peers ?? []).length : 0)
    for (const [name, measure] of measurements.slice(0, own)) await attempt(name, measure, errors)
    for (let round = 0; round < rounds; round += 1) {
      for (let index = 0; index < measurements.length; index += 1) {
        const [name, measure] = measurements[(index + round) % measurements.length] ?? ['', async () => 0]
        if (errors[name] !== undefined) continue
        const value = await attempt(name, measure, errors)
        if (value !== null) values[name] = [...(values[name] ?? []), value]
      }
    }
  } finally {
    await contenders.close()
  }
  const figures = Object.fromEntries(Object.entries(values).map(([name, all]) => [name, figuresOf(all)]))
  const ratio = (figures.product?.median ?? Number.NaN) / (figures.limit?.median ?? Number.NaN)
  const isReached = row.better === 'higher' ? ratio >= row.goal : ratio <= row.goal
  return { name: row.name, unit: row.unit, figures, errors, ratio, goal: row.goal, isReached }
}

async function attempt(
  name: string,
  measure: () => Promise<number>,
  errors: Record<string, string>,
): Promise<number | null> {
  try {
    return await measure()
  } catch (error) {
    errors[name] = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return null
  }
}
