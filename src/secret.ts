import { inspect } from 'node:util'

/**
 * A string that does not print: JSON, templates and `util.inspect` (so logs and errors) all show `[redacted]`.
 *
 * The value leaves by `reveal()` alone, so that a search for that word finds every place that handles it.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toJSON(): string {
    return '[redacted]'
  }

  toString(): string {
    return '[redacted]'
  }

  [inspect.custom](): string {
    return '[redacted]'
  }
}
