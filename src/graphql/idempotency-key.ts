import type { InputFieldBuilder, SchemaTypes } from '@pothos/core'

/** The field that every mutation's input has. */
export function idempotencyKey<Types extends SchemaTypes>(t: InputFieldBuilder<Types, 'InputObject'>) {
  return t.string({
    description:
      'A name of your choice for this piece of work. Sent again under the same key, it is not done again: you get the first answer. The header `Idempotency-Key` counts too, if the request holds one mutation.',
  })
}
