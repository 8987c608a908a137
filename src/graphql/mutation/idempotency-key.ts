import type { InputFieldBuilder, SchemaTypes } from '@pothos/core'
import { problemOfKey } from '../../commands/text.ts'
import { InvalidInput } from '../schema/error.ts'

/** The field that every mutation's input has. */
export function idempotencyKey<Types extends SchemaTypes>(t: InputFieldBuilder<Types, 'InputObject'>) {
  return t.string({
    description:
      'A name of your choice for this piece of work, in 1 to 255 characters. Sent again under the same key, it is not done again: you get the first answer. The header `Idempotency-Key` counts too, if the request holds one mutation.',
  })
}

/** The header is a structured string, `"key"` (draft-ietf-httpapi-idempotency-key-header); bare ones are taken too. */
export function keyOfHeader(header: string | null): string | null {
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header ?? '')?.[1]
  return quoted?.replace(/\\(.)/g, '$1') ?? header
}

/** The key that a mutation was sent under, by its input or by the header; null if it has none. */
export function keyOf(input: unknown, header: string | null): string | null | InvalidInput {
  const given =
    typeof input === 'object' && input !== null && 'idempotencyKey' in input ? input.idempotencyKey : null
  const key = typeof given === 'string' ? given : header
  if (key === null) return null
  const problem =
    header !== null && header !== key ? 'is not what the header Idempotency-Key says' : problemOfKey(key)
  return problem === null ? key : new InvalidInput([{ path: 'idempotencyKey', message: problem }])
}
