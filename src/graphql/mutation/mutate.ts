import { createHash } from 'node:crypto'
import type { GraphQLResolveInfo } from 'graphql'
import type { Refusal } from '../../commands/refusal.ts'
import { unstorableTextIn } from '../../commands/text.ts'
import type { Tx } from '../../store/database.ts'
import { claimKey } from '../../store/tenant/idempotency-keys.ts'
import {
  errorOf,
  IdempotencyConflict,
  IdempotencyInProgress,
  InvalidInput,
  NotFound,
  type RefusalError,
} from '../schema/error.ts'
import { decodeGlobalId, type NodeName } from '../schema/global-id.ts'
import type { Context } from '../server/context.ts'
import { canonicalJson } from './canonical-json.ts'
import type { OpenRun, RunResult } from './mutation-context.ts'

/** Every input has it. */
interface Input {
  readonly idempotencyKey?: string | null | undefined
}

export interface MutationOutcome {
  readonly kind: 'done'
}

/** All that may refuse a mutation; each names those that it can meet. */
export const refusals: readonly (new (...args: never[]) => RefusalError)[] = [
  InvalidInput,
  NotFound,
  IdempotencyConflict,
  IdempotencyInProgress,
]

/**
 * Runs a command as a mutation, in the transaction that `executeMutation` has opened for the whole of its field: under a key
 * that was used before nothing is run, and the first run's outcome is answered. A refusal is thrown, and leaves nothing behind,
 * not even the key. `keep` takes out of the outcome what must not be stored in the clear; then what is response of it is not
 * stored either, and a replay shows anew what was kept.
 */
export async function mutate<Outcome extends MutationOutcome>(
  { mutation: run, viewer, idempotencyMinutes }: Context,
  info: GraphQLResolveInfo,
  input: Input,
  command: (tx: Tx) => Promise<Outcome | Refusal>,
  keep?: (outcome: Outcome) => object,
): Promise<Outcome> {
  if (run === null) throw new Error('a mutation runs in a transaction that is opened for it')
  if (run.kind === 'refused') throw run.refusal

  const work = async (): Promise<{ readonly outcome: Outcome; readonly end: RunResult }> => {
    const unstorable = unstorableTextIn(input)
    if (unstorable.length > 0) throw new InvalidInput(unstorable)
    const known = await claim(
      run,
      viewer.organizationId,
      fingerprintOf(info.fieldName, input),
      idempotencyMinutes,
    )
    // What this very command answered: the fingerprint covers its name and its input.
    if (known)
      return { outcome: known.outcome as Outcome, end: { kind: 'replayed', response: known.response } }

    const ended = await command(run.tx)
    if (ended.kind !== 'done') throw errorOf(ended as Refusal)
    const outcome = ended as Outcome
    const kept = keep ? keep(outcome) : outcome
    return { outcome, end: { kind: 'done', kept, isSecret: keep !== undefined } }
  }
  const { outcome, end } = await work().catch((error) => {
    run.end = { kind: 'stopped', by: error }
    throw error
  })
  run.end = end
  if (end.kind === 'replayed' && end.response !== null) throw new ReplayedResponse()
  return outcome
}

/** Ends the execution of a field whose answer need not be put together again. */
class ReplayedResponse extends Error {
  override readonly name = 'ReplayedResponse'
}

/** What the first request under the run's key came to; null if there was none, or there is no key. */
async function claim(
  { tx, key, requestHash }: OpenRun,
  organizationId: string,
  fingerprint: Buffer,
  minutes: number,
): Promise<{ readonly outcome: object; readonly response: string | null } | null> {
  if (key === null) return null
  const claimed = await claimKey(tx, { organizationId, key, fingerprint, minutes })
  if (claimed.kind === 'new') return null
  if (claimed.kind === 'busy') throw new IdempotencyInProgress()
  if (!claimed.fingerprint.equals(fingerprint)) throw new IdempotencyConflict()
  const { outcome, response } = claimed.stored
  return { outcome, response: response?.requestHash.equals(requestHash) ? response.body : null }
}

/** The bare id that an input field names. Malformed, of another type, or nothing: refused like what does not exist. */
export function idOf(name: NodeName, input: object, field: string): string {
  // Inputs are flat objects whose ids are strings, by the schema.
  const decoded = decodeGlobalId(String((input as Readonly<Record<string, unknown>>)[field] ?? ''))
  if (decoded?.name !== name) throw new NotFound(field)
  return decoded.id
}

function fingerprintOf(name: string, { idempotencyKey: _, ...input }: Input): Buffer {
  return createHash('sha256')
    .update(`${name} ${canonicalJson(input)}`)
    .digest()
}
