import type { InputFieldBuilder, InputFieldMap, InputShapeFromFields, ObjectFieldsShape } from '@pothos/core'
import type { Refusal } from '../../commands/refusal.ts'
import type { Tx } from '../../store/database.ts'
import type { Scope } from '../../store/tenant/api-keys.ts'
import { builder, type Types } from '../schema/builder.ts'
import {
  IdempotencyConflict,
  IdempotencyInProgress,
  InvalidInput,
  NotFound,
  type RefusalError,
} from '../schema/error.ts'
import { decodeGlobalId, type NodeName } from '../schema/global-id.ts'
import type { Context } from '../server/context.ts'
import { idempotencyKey } from './idempotency-key.ts'
import { type MutationOutcome, mutate } from './mutate.ts'

interface MutationDefinition<Fields extends InputFieldMap, Outcome extends MutationOutcome> {
  readonly description: string
  /** The scope that the API key needs. */
  readonly scope: Scope
  /** Refusals of this mutation, besides the four that every mutation has. */
  readonly errors?: readonly (new (
    ...args: never[]
  ) => RefusalError)[]
  readonly input: {
    readonly description: string
    /** The input fields that hold global ids, and the types that each accepts. `run` receives them decoded. */
    readonly ids?: { readonly [Field in keyof Fields]?: readonly NodeName[] }
    readonly fields: (t: InputFieldBuilder<Types, 'InputObject'>) => Fields
  }
  /** Runs the command in the transaction of the mutation field. */
  readonly run: (tx: Tx, input: InputShapeFromFields<Fields>, context: Context) => Promise<Outcome | Refusal>
  /** Removes secrets from the outcome before it is stored. The response is then not stored at all. */
  readonly redact?: (outcome: NoInfer<Outcome>) => object
  readonly payload: {
    readonly description: string
    readonly fields: ObjectFieldsShape<Types, NoInfer<Outcome>>
  }
}

const commonErrors = [InvalidInput, NotFound, IdempotencyConflict, IdempotencyInProgress]

/**
 * Adds a mutation field with its input type, its payload type and its result union. Every input gets an `idempotencyKey`.
 * An id that is malformed, of another type or missing is answered as `NotFound`.
 */
export function defineMutation<Fields extends InputFieldMap, Outcome extends MutationOutcome>(
  name: string,
  definition: MutationDefinition<Fields, Outcome>,
): void
export function defineMutation(
  name: string,
  {
    description,
    scope,
    errors = [],
    input,
    run,
    redact,
    payload,
  }: MutationDefinition<InputFieldMap, MutationOutcome>,
): void {
  builder.relayMutationField(
    name,
    {
      description: input.description,
      inputFields: (t) => ({ ...input.fields(t), idempotencyKey: idempotencyKey(t) }),
    },
    {
      description,
      authScopes: { [scope]: true },
      errors: { types: [...commonErrors, ...errors] },
      resolve: (_root, { input: given }, context, info) => {
        const { idempotencyKey: _, ...fields } = given
        const decoded = decodeIds(fields, input.ids ?? {})
        return mutate(context, info, given, (tx) => run(tx, decoded, context), redact)
      },
    },
    { description: payload.description, authScopes: { read: true }, outputFields: payload.fields },
  )
}

function decodeIds<Input extends object>(
  input: Input,
  ids: { readonly [field: string]: readonly NodeName[] | undefined },
): Input {
  const fields = input as Readonly<Record<string, unknown>>
  const decoded = Object.entries(ids).flatMap(([field, names = []]) => {
    const text = fields[field]
    if (text == null) return []
    const id = decodeGlobalId(String(text))
    if (!id || !names.includes(id.name)) throw new NotFound(field)
    return [[field, id.id]]
  })
  return { ...input, ...Object.fromEntries(decoded) }
}
