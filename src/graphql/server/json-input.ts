import { findJsonExcess, type JsonLimit, requestLimit } from '../../json-limit.ts'
import { requestError } from '../schema/error.ts'

/** Returns the value. Throws `INPUT_TOO_LARGE` with the field's path if it exceeds the limit. */
export function withinLimit<Value>(value: Value, name: string, limit: JsonLimit): Value {
  const excess = findJsonExcess(value, limit)
  if (!excess) return value
  const field = excess.path === '' ? name : `${name}.${excess.path}`
  throw requestError('INPUT_TOO_LARGE', `${field} ${excess.message}`, { field, limit: excess.limit })
}

/** Checks the variables and extensions of a request, before recursive code reads them. */
export function checkParams(params: { readonly variables?: unknown; readonly extensions?: unknown }): void {
  withinLimit(params.variables, 'variables', requestLimit)
  withinLimit(params.extensions, 'extensions', requestLimit)
}
