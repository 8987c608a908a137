import { createHash } from 'node:crypto'
import type { GraphQLResolveInfo } from 'graphql'
import type { Refusal } from '../../commands/refusal.ts'
import { unstorableTextIn } from '../../commands/text.ts'
import type { Tx } from '../../store/database.ts'
import { claimKey } from '../../store/tenant/idempotency-keys.ts'
import { errorOf, IdempotencyConflict, IdempotencyInProgress, InvalidInput } from '../schema/error.ts'
import type { Context } from '../server/context.ts'
import { canonicalJson } from './canonical-json.ts'
import type { OpenRun, RunResult } from './mutation-context.ts'

interface Input {
  readonly idempotencyKey?: string | null | undefined
}

export interface MutationOutcome {
  readonly kind: 'done'
}

/**
 * Runs a command in the transaction that `executeMutation` has opened for the mutation field, and records the result in the
 * run. Under an idempotency key that was used before, the command does not run and the stored outcome is returned.
 * Throws a refusal as its error, so that the transaction rolls back, with the claim of the key. `redact` removes secrets from
 * the outcome before it is stored; the response is then not stored, and a replay resolves it from the stored outcome.
 */
export async function mutate<Outcome extends MutationOutcome>(
  { mutation: run, viewer, idempotencyMinutes }: Context,
  info: GraphQLResolveInfo,
  input: Input,
  command: (tx: Tx) => Promise<Outcome | Refusal>,
  redact?: (outcome: Outcome) => object,
): Promise<Outcome> {
  if (run === null) throw new Error('a mutation field was executed without a transaction')
  if (run.kind === 'refused') throw run.refusal

  const work = async (): Promise<{ readonly outcome: Outcome; readonly result: RunResult }> => {
    const unstorable = unstorableTextIn(input)
    if (unstorable.length > 0) throw new InvalidInput(unstorable)
    const stored = await claim(
      run,
      viewer.organizationId,
      fingerprintOf(info.fieldName, input),
      idempotencyMinutes,
    )
    if (stored) {
      // The fingerprint covers the name and the input, so this is an outcome of the same command.
      const outcome = stored.outcome as Outcome
      return { outcome, result: { kind: 'replayed', response: stored.response } }
    }

    const ended = await command(run.tx)
    if (ended.kind !== 'done') throw errorOf(ended as Refusal)
    const outcome = ended as Outcome
    const storedOutcome = redact ? redact(outcome) : outcome
    return { outcome, result: { kind: 'done', storedOutcome, hasSecrets: redact !== undefined } }
  }
  const { outcome, result } = await work().catch((error) => {
    run.result = { kind: 'failed', error }
    throw error
  })
  run.result = result
  if (result.kind === 'replayed' && result.response !== null) throw new ReplayedResponse()
  return outcome
}

/** Stops the execution of a field whose response is stored and need not be resolved again. */
class ReplayedResponse extends Error {
  override readonly name = 'ReplayedResponse'
}

/** The outcome of the first request under the run's key; null if this is the first one, or there is no key. */
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

function fingerprintOf(name: string, { idempotencyKey: _, ...input }: Input): Buffer {
  return createHash('sha256')
    .update(`${name} ${canonicalJson(input)}`)
    .digest()
}
