import { createHash } from 'node:crypto'
import { type GraphQLResolveInfo, Kind } from 'graphql'
import type { Refusal } from '../commands/refusal.ts'
import type { Tx } from '../store/database.ts'
import { claimKey, keepAnswer } from '../store/idempotency-store.ts'
import type { Context } from './context.ts'
import { errorOf, IdempotencyConflict, InvalidInput, NotFound, type RefusalError } from './error.ts'
import { decodeGlobalId, type NodeName } from './global-id.ts'
import { forgetLoaded } from './loaders.ts'

/** Every input has it. */
interface Input {
  readonly idempotencyKey?: string | null | undefined
}

interface Done {
  readonly kind: 'done'
  /** Jobs that were started or moved: their workers hear of it at once. */
  readonly movedJobs?: readonly string[]
}

/** All that may refuse a mutation; each names those that it can meet. */
export const refusals: readonly (new (...args: never[]) => RefusalError)[] = [
  InvalidInput,
  NotFound,
  IdempotencyConflict,
]

/**
 * Runs a command as a mutation: one transaction for the idempotency key, the command and all that it changes. The same
 * key again answers what the first run answered, without running anything; a refusal is thrown, and leaves nothing behind,
 * not even the key. `keep` drops from the kept answer what must not be stored.
 */
export async function mutate<Outcome extends Done>(
  context: Context,
  info: GraphQLResolveInfo,
  input: Input,
  command: (tx: Tx) => Promise<Outcome | Refusal>,
  keep: (outcome: Outcome) => object = (outcome) => outcome,
): Promise<Outcome> {
  const { organizationId } = context.viewer
  const key = keyOf(context, info, input)
  const { outcome, replayed } = await again(() =>
    context.transact(async (tx) => {
      if (key !== null) {
        const fingerprint = fingerprintOf(info.fieldName, input)
        const claim = await claimKey(tx, {
          organizationId,
          key,
          fingerprint,
          minutes: context.idempotencyMinutes,
        })
        if (claim.kind === 'known') {
          if (!claim.fingerprint.equals(fingerprint)) throw new IdempotencyConflict()
          // What this very command answered: the fingerprint covers its name and its input.
          return { outcome: claim.answer as unknown as Outcome, replayed: true }
        }
      }
      const ended = await command(tx)
      if (ended.kind !== 'done') throw errorOf(ended as Refusal)
      const done = ended as Outcome
      if (key !== null) await keepAnswer(tx, organizationId, key, keep(done))
      return { outcome: done, replayed: false }
    }),
  )
  // Another mutation of the same request may have read what this one changed.
  forgetLoaded(context.load)
  if (replayed) context.markReplayed()
  else context.announce(outcome.movedJobs ?? [])
  return outcome
}

/** The bare id that an input field names. Malformed, of another type, or nothing: refused like what does not exist. */
export function idOf(name: NodeName, input: object, field: string): string {
  // Inputs are flat objects whose ids are strings, by the schema.
  const decoded = decodeGlobalId(String((input as Readonly<Record<string, unknown>>)[field] ?? ''))
  if (decoded?.name !== name) throw new NotFound(field)
  return decoded.id
}

function keyOf(context: Context, info: GraphQLResolveInfo, input: Input): string | null {
  const given = input.idempotencyKey ?? (holdsOneField(info) ? context.idempotencyKey : null)
  if (given === null) return null
  if (given.length >= 1 && given.length <= 255) return given
  throw new InvalidInput([{ path: 'idempotencyKey', message: 'must have 1 to 255 characters' }])
}

/** With several mutations in one request the header cannot say which it means. */
function holdsOneField({ operation }: GraphQLResolveInfo): boolean {
  const [only, ...more] = operation.selectionSet.selections
  return only?.kind === Kind.FIELD && more.length === 0
}

function fingerprintOf(name: string, { idempotencyKey: _, ...input }: Input): Buffer {
  return createHash('sha256')
    .update(`${name} ${canonical(input)}`)
    .digest()
}

/** JSON with sorted keys, so that the same input is the same text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

/** Two transactions may have taken their locks crosswise; Postgres undoes one of them, and it may simply run again. */
async function again<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let left = 3; ; left -= 1) {
    try {
      return await run()
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (left === 0 || (code !== '40P01' && code !== '40001')) throw error
    }
  }
}
