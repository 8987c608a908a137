import { findJsonExcess, type JsonLimit, requestLimit } from '../../json-limit.ts'
import { requestError } from '../schema/error.ts'

/** Refuses a value that goes beyond a limit, and names the field; answers it as it is otherwise. */
export function withinLimit<Value>(value: Value, name: string, limit: JsonLimit): Value {
  const excess = findJsonExcess(value, limit)
  if (!excess) return value
  const field = excess.path === '' ? name : `${name}.${excess.path}`
  throw requestError('INPUT_TOO_LARGE', `${field} ${excess.message}`, { field, limit: excess.limit })
}

/** What a client sends beside its document, whichever way it comes. Before anything looks into it. */
export function checkParams(params: { readonly variables?: unknown; readonly extensions?: unknown }): void {
  withinLimit(params.variables, 'variables', requestLimit)
  withinLimit(params.extensions, 'extensions', requestLimit)
}
