import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { Storage } from '../../storage/storage.ts'
import { type ClipPlan, type JobRef, type JobState, PollTransient } from '../provider.ts'
import type { LocalProvider } from './local-provider.ts'
import { clipKeyOf, parseRecipe } from './recipe.ts'
import { parseReference, type QueuePlace, referenceOf } from './reference.ts'

interface ClipId {
  readonly organizationId: string
  readonly clipKey: string
}

/** Who renders a clip. */
export type Claim =
  | { readonly kind: 'ours' }
  | { readonly kind: 'elsewhere'; readonly progress: number }
  | { readonly kind: 'finished'; readonly sha256: string; readonly bytes: number }

/** The claims of all machines. A claim that its machine does not renew for some seconds is free. */
export interface RenderClaims {
  /** Claims clips for this machine, unless they are finished or claimed by another one. */
  claim(organizationId: string, clipKeys: readonly string[]): Promise<ReadonlyMap<string, Claim>>
  /** Returns the clips that this machine still holds. */
  renew(clips: readonly (ClipId & { readonly progress: number })[]): Promise<readonly ClipId[]>
  finish(clip: ClipId & { readonly sha256: string; readonly bytes: number }): Promise<void>
  release(clip: ClipId): Promise<void>
  /** Forgets a finished clip whose file is gone. */
  forget(clip: ClipId & { readonly sha256: string }): Promise<void>
}

export interface SharedProviderOptions {
  readonly local: LocalProvider
  readonly claims: RenderClaims
  /** Where finished clips are left for the other machines. */
  readonly storage: Pick<Storage, 'put' | 'open' | 'stat'>
  /** Told why claims were not renewed or a clip was not stored. Both are tried again. */
  readonly onError: (error: unknown) => void
}

/** A clip that this machine has claimed. */
interface Held extends ClipId {
  readonly ref: JobRef
  progress: number
  /** While its result is being stored, or was not a moment ago: when to try again. */
  idleUntil: number
}

const tickMs = 1_000
const retryStoreMs = 5_000
const pollAfterMs = 1_000

/**
 * Renders scenes on this machine, unless another machine renders or has rendered them: a poll at any machine finds the clip. The machine
 * that renders a clip renews its claim and stores the result, whether or not anybody polls it.
 */
export function createSharedProvider({
  local,
  claims,
  storage,
  onError,
}: SharedProviderOptions): LocalProvider {
  const held = new Map<string, Held>()
  const idOf = ({ organizationId, clipKey }: ClipId) => `${organizationId}/${clipKey}`
  const neverAborted = new AbortController().signal

  const hold = (clip: ClipId, ref: JobRef) => {
    if (!held.has(idOf(clip))) held.set(idOf(clip), { ...clip, ref, progress: 0, idleUntil: 0 })
  }
  const giveUp = async (clip: ClipId) => {
    held.delete(idOf(clip))
    await claims.release(clip)
  }

  async function look(clip: Held): Promise<void> {
    if (clip.idleUntil > performance.now()) return
    const state = await local.poll(clip.ref, { signal: neverAborted }).catch(() => undefined)
    if (state?.kind === 'running') clip.progress = state.progress ?? 0
    // It cannot be rendered here now: another machine may try.
    else if (state === undefined || state.kind === 'failed') await giveUp(clip)
    else if (state.kind === 'done') {
      clip.idleUntil = Number.POSITIVE_INFINITY
      void store(clip, state).catch((error) => {
        clip.idleUntil = performance.now() + retryStoreMs
        onError(error)
      })
    }
  }

  async function store(clip: Held, { assets: [asset] }: Extract<JobState, { kind: 'done' }>): Promise<void> {
    if (!asset) throw new Error('a rendered clip has no file')
    const content = await local.open(clip.ref, asset, { signal: neverAborted })
    const { sha256, bytes } = asset
    const stored = await storage.put(clip.organizationId, Readable.fromWeb(content), {
      ...(sha256 !== undefined && { sha256 }),
      ...(bytes !== undefined && { bytes }),
    })
    await claims.finish({ ...clip, ...stored })
    held.delete(idOf(clip))
  }

  async function tick(): Promise<void> {
    for (const clip of [...held.values()]) await look(clip)
    const renewed = new Set((await claims.renew([...held.values()])).map(idOf))
    for (const clip of [...held.values()]) {
      // Claimed a moment ago, after the renewal began, or stored meanwhile.
      if (renewed.has(idOf(clip)) || clip.idleUntil > 0) continue
      const claim = (await claims.claim(clip.organizationId, [clip.clipKey])).get(clip.clipKey)
      if (claim?.kind === 'ours') continue
      // This process stood still, and another machine has taken over.
      held.delete(idOf(clip))
      await local.cancel(clip.ref)
    }
  }

  let isClosed = false
  let ticking: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout
  const schedule = () => {
    timer = setTimeout(() => {
      ticking = tick()
        .catch(onError)
        .then(() => {
          if (!isClosed) schedule()
        })
    }, tickMs).unref()
  }
  schedule()

  /** The clip of a reference; null for a reference that only the local renderer understands. */
  const clipOf = ({ data }: JobRef): ClipId | null => {
    const reference = parseReference(data)
    const organizationId = reference?.place.organizationId
    if (!reference || organizationId === undefined) return null
    return { organizationId, clipKey: clipKeyOf(reference.recipe) }
  }

  /** Who renders the clip. One whose file is gone is claimed anew. */
  async function claim(clip: ClipId): Promise<Claim> {
    for (;;) {
      const found = (await claims.claim(clip.organizationId, [clip.clipKey])).get(clip.clipKey)
      if (found === undefined) continue
      if (found.kind !== 'finished' || (await storage.stat(clip.organizationId, found.sha256))) return found
      await claims.forget({ ...clip, sha256: found.sha256 })
    }
  }

  return {
    ...local,

    async submit(plan, options) {
      const { organizationId, dueAt, upcoming = [] } = options
      if (organizationId === undefined) return await local.submit(plan, options)
      const place: QueuePlace = { organizationId, ...(dueAt && { dueAt }) }
      const keyOf = ({ input }: ClipPlan) => {
        const recipe = parseRecipe(input)
        return recipe ? clipKeyOf(recipe) : null
      }
      const refOf = ({ input, model }: ClipPlan): JobRef | null => {
        const recipe = parseRecipe(input)
        return recipe ? { v: 1, provider: local.id, model, data: referenceOf(recipe, place) } : null
      }
      const keys = [plan, ...upcoming].flatMap((each) => keyOf(each) ?? [])
      const claimed = await claims.claim(organizationId, keys)
      const isOurs = (each: ClipPlan) => claimed.get(keyOf(each) ?? '')?.kind === 'ours'
      const ours = upcoming.filter(isOurs)
      const ref = refOf(plan)
      // The local renderer refuses a plan of another version.
      if (ref === null || isOurs(plan)) {
        const submitted = await local.submit(plan, { ...options, upcoming: ours })
        for (const each of [plan, ...ours]) {
          const [clipKey, eachRef] = [keyOf(each), refOf(each)]
          if (clipKey !== null && eachRef) hold({ organizationId, clipKey }, eachRef)
        }
        return submitted
      }
      // Each is rendered when its turn comes, by whoever has claimed it.
      for (const each of ours) {
        const clip = { organizationId, clipKey: keyOf(each) ?? '' }
        if (!held.has(idOf(clip))) await claims.release(clip)
      }
      return ref
    },

    async poll(ref, options): Promise<JobState> {
      const clip = clipOf(ref)
      if (clip === null) return await local.poll(ref, options)
      const found = await claim(clip)
      if (found.kind === 'elsewhere') return { kind: 'running', progress: found.progress, pollAfterMs }
      if (found.kind === 'finished') {
        const { sha256, bytes } = found
        return { kind: 'done', assets: [{ name: 'segment.mp4', contentType: 'video/mp4', sha256, bytes }] }
      }
      hold(clip, ref)
      const state = await local.poll(ref, options)
      if (state.kind === 'failed') await giveUp(clip)
      return state
    },

    async open(ref, asset, options) {
      const clip = clipOf(ref)
      const { sha256 } = asset
      const isHeld = clip !== null && held.has(idOf(clip))
      if (clip === null || isHeld || sha256 === undefined) return await local.open(ref, asset, options)
      const stored = await storage.open(clip.organizationId, sha256).catch((error) => {
        if (error instanceof Error && error.name === 'ObjectMissing')
          throw new PollTransient('the stored clip is gone; poll again', { cause: error })
        throw error
      })
      return Readable.toWeb(stored) as ReadableStream<Uint8Array>
    },

    async close() {
      isClosed = true
      clearTimeout(timer)
      await ticking
      // Before the renderers end, so that the next machine need not wait for the claims to expire.
      for (const clip of [...held.values()]) await giveUp(clip).catch(onError)
      await local.close()
    },
  }
}
