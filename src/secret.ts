import { inspect } from 'node:util'

/**
 * A string that does not print: JSON, templates and `util.inspect` (and so logs and errors) show `[redacted]`.
 *
 * Only `reveal()` returns the value, so a search for that word finds every use of it.
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
