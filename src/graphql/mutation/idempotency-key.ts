import type { InputFieldBuilder, SchemaTypes } from '@pothos/core'
import { problemOfKey } from '../../commands/text.ts'
import { InvalidInput } from '../schema/error.ts'

/** The input field `idempotencyKey`, which every mutation has. */
export function idempotencyKey<Types extends SchemaTypes>(t: InputFieldBuilder<Types, 'InputObject'>) {
  return t.string({
    description:
      'A key of your choice for this request, in 1 to 255 characters. A mutation that is sent again with the same key and input is not executed again: it returns the first response. If the request has exactly one mutation field, the header `Idempotency-Key` can be used instead.',
  })
}

/** Reads the `Idempotency-Key` header: a structured string, `"key"` (draft-ietf-httpapi-idempotency-key-header), or a bare key. */
export function keyOfHeader(header: string | null): string | null {
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header ?? '')?.[1]
  return quoted?.replace(/\\(.)/g, '$1') ?? header
}

/** The idempotency key of a mutation, from its input or the header; null if it has none. */
export function keyOf(input: unknown, header: string | null): string | null | InvalidInput {
  const given =
    typeof input === 'object' && input !== null && 'idempotencyKey' in input ? input.idempotencyKey : null
  const key = typeof given === 'string' ? given : header
  if (key === null) return null
  const problem =
    header !== null && header !== key ? 'differs from the header Idempotency-Key' : problemOfKey(key)
  return problem === null ? key : new InvalidInput([{ path: 'idempotencyKey', message: problem }])
}
