import type { BenchDatabase } from './bench-database.ts'

/** A line of the table: a figure of the product beside the least that the same durable effect can cost. */
export interface Row {
  readonly name: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  /** The product's figure divided by the limit's, to reach at least if higher is better, and at most otherwise. */
  readonly goal: number
  /** Programs of other projects for the same work, for `--peers`. */
  readonly peers?: readonly Peer[]
  open(database: BenchDatabase, form: Form): Promise<Contenders>
}

/** `quick` has less work in a round; its ratios vary more. */
export type Form = 'full' | 'quick'

export interface Contenders {
  /** One measurement, in the row's unit. */
  readonly product: () => Promise<number>
  /** The same effect in bare code that shares nothing with the product. */
  readonly limit: () => Promise<number>
  /** Further figures that explain the two, by their names. */
  readonly others?: Readonly<Record<string, () => Promise<number>>>
  close(): Promise<void>
}

/** `node bench/NAME.mjs --only=CONTENDER --rounds=1` prepares, measures once and writes `{"FIGURE": number}` to `results/NAME.jsonl`. */
export interface Peer {
  readonly name: string
  readonly file: string
  readonly contender: string
  readonly figure: string
  /** Another contender of the file, whose run prepares the data of all. */
  readonly preparedBy?: string
}
