import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { ClipRef } from '../../../machines/job/context.ts'
import { recordUsage } from '../../commands/quota/settle-quota.ts'
import type { Json } from '../../durable/checkpoint.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { ContentMismatch } from '../../providers/storage/storage.ts'
import {
  type ClipPlan,
  type JobRef,
  PollTransient,
  SubmitNotSent,
  SubmitRejected,
  SubmitUnknown,
  type VideoProvider,
} from '../../providers/video/provider.ts'
import type { Storyboard } from '../../storyboard/storyboard.ts'
import { fail, failure, failureBy } from '../failure.ts'
import { storyboardOf } from '../open-job.ts'
import { parked } from '../parked.ts'
import { clearanceFor, type OfSlot } from '../post/clearance.ts'
import type { StepDeps } from '../step-deps.ts'
import { callProvider } from './call-provider.ts'

/** A stored reference is what the provider gave us: its own opaque JSON. */
const asRef = (clip: ClipRef): JobRef => clip as unknown as JobRef

/**
 * Submits one scene, in one attempt under one key. If an earlier worker may have sent it and the provider does not
 * recognise a repeated key, it is not sent again: it may have been paid for.
 */
export async function submitClip(
  deps: StepDeps,
  context: StepContext,
  input: OfSlot & {
    readonly attempts?: number
    readonly scene: number
    readonly attempt: number
  },
): Promise<StepOutcome> {
  const { videos } = deps
  // Asked first: held and submitted under another key later, it would be paid for twice.
  if (context.mayHaveBegun && !videos.traits.idempotentSubmit) return mayBePaid()
  const clearance = await clearanceFor(deps, context, input, 'rendering')
  if (clearance.kind === 'stop') return clearance.outcome
  const read = storyboardOf(clearance.slot)
  if (read.kind === 'bad') return read.outcome

  const key = createHash('sha256').update(`${context.jobId}/${input.scene}/${input.attempt}`).digest('hex')
  const plan = videos.plan({ key, storyboard: read.storyboard, sceneIndex: input.scene })
  if (plan.kind === 'refused')
    return fail({ kind: 'needsPerson', failure: failure('FIX_MEDIA', 'CLIP_REFUSED', plan.message) })
  try {
    const { signal } = context
    const submitted = await callProvider(deps, signal, input, () =>
      videos.submit(plan, {
        signal,
        dueAt: clearance.slot.publishAt,
        upcoming: scenesAhead(videos, read.storyboard, input.scene),
      }),
    )
    // Held, it was never sent: the provider has nothing of it, and there is nothing to look up.
    if (submitted.kind === 'deferred') return parked(submitted)
    return done({ clip: submitted.value as unknown as Json })
  } catch (error) {
    if (error instanceof SubmitRejected)
      return fail({ kind: 'needsPerson', failure: failureBy(deps, context, 'CLIP_REJECTED', error) })
    if (error instanceof SubmitNotSent)
      return fail({ kind: 'retry', failure: failureBy(deps, context, 'PROVIDER_UNREACHABLE', error) })
    if (error instanceof SubmitUnknown) {
      return videos.traits.idempotentSubmit
        ? fail({ kind: 'retry', failure: failureBy(deps, context, 'SUBMIT_UNANSWERED', error) })
        : mayBePaid()
    }
    throw error
  }
}

/** The scenes that follow, as they will be asked for. Their keys are made when they are. */
function scenesAhead(videos: VideoProvider, storyboard: Storyboard, scene: number): readonly ClipPlan[] {
  return storyboard.scenes.slice(scene + 1).flatMap((_, index) => {
    const plan = videos.plan({ key: '', storyboard, sceneIndex: scene + 1 + index })
    return plan.kind === 'planned' ? [plan] : []
  })
}

function mayBePaid(): StepOutcome {
  const message =
    'The provider may have accepted this scene, but its answer was lost. Retrying submits it again and may be charged twice.'
  return fail({ kind: 'unknown', failure: failure('OUTCOME_UNKNOWN', 'SUBMIT_UNKNOWN', message) })
}

/** Asks once how a clip is coming along. */
export async function checkClip(
  deps: StepDeps,
  context: StepContext,
  input: { readonly clip: ClipRef; readonly attempts?: number },
): Promise<StepOutcome> {
  const { signal } = context
  const ref = asRef(input.clip)
  try {
    const polled = await callProvider(deps, signal, input, (videos) => videos.poll(ref, { signal }))
    if (polled.kind === 'deferred') return parked(polled)
    const state = polled.value
    switch (state.kind) {
      case 'queued':
        return done({ kind: 'running', progress: 0, pollAfterMs: state.pollAfterMs })
      case 'running':
        return done({ kind: 'running', progress: state.progress ?? 0, pollAfterMs: state.pollAfterMs })
      case 'done':
        return done({ kind: 'ready' })
      case 'failed': {
        const again = ['capacity', 'provider', 'expired'].includes(state.class)
        const code = state.code ?? `CLIP_${state.class.toUpperCase()}`
        // What is said of a scene is for its planner. Whatever else failed over there, its last words are for the log.
        const isOfScene = ['content', 'input'].includes(state.class)
        const told = failureBy(deps, context, code, state.message)
        const verdict = again ? 'RETRY_AFTER' : told.verdict
        const message = isOfScene ? state.message : told.message
        return done({ kind: 'broken', again, failure: { ...failure(verdict, code, message) } })
      }
    }
  } catch (error) {
    if (error instanceof PollTransient)
      return fail({ kind: 'retry', failure: failureBy(deps, context, 'POLL_FAILED', error) })
    throw error
  }
}

/** Brings a finished clip into storage, whole or not at all. */
export async function keepClip(
  deps: StepDeps,
  context: StepContext,
  input: { readonly clip: ClipRef; readonly attempts?: number },
): Promise<StepOutcome> {
  const { storage, db } = deps
  const { organizationId, jobId, now, signal } = context
  const { clip } = input
  try {
    const opened = await callProvider(deps, signal, input, (videos) => openClip(videos, clip, signal))
    if (opened.kind === 'deferred') return parked(opened)
    if (!opened.value)
      return fail({
        kind: 'retry',
        failure: failure('RETRY_AFTER', 'CLIP_GONE', 'The finished clip is not there any more.'),
      })
    const { asset, cost, stream } = opened.value
    const kept = await storage.put(organizationId, Readable.fromWeb(stream), {
      ...(asset.bytes !== undefined && { bytes: asset.bytes }),
      ...(asset.sha256 !== undefined && { sha256: asset.sha256 }),
    })
    if (cost) {
      const key = `${jobId}/${nameOf(clip)}`
      const spent = { metric: 'providerSpend', amount: cost.micros, key } as const
      await db.transaction().execute((tx) => recordUsage(tx, { organizationId, at: now(), jobId, ...spent }))
    }
    return done({ kept: { sha256: kept.sha256, bytes: kept.bytes } })
  } catch (error) {
    if (error instanceof ContentMismatch || error instanceof PollTransient)
      return fail({ kind: 'retry', failure: failureBy(deps, context, 'CLIP_INCOMPLETE', error) })
    throw error
  }
}

/** A finished clip from its first byte on, as one call: what stands before the provider lets all of it through or nothing. */
async function openClip(videos: VideoProvider, clip: ClipRef, signal: AbortSignal) {
  const ref = asRef(clip)
  const state = await videos.poll(ref, { signal })
  if (state.kind !== 'done') return null
  const { assets, cost } = state
  const [asset] = assets
  return asset ? { asset, cost, stream: await videos.open(ref, asset, { signal }) } : null
}

/** The same for the same reference, whatever order its parts come back from the database in: a clip is paid for once. */
function nameOf(clip: ClipRef): string {
  const sorted = JSON.stringify(clip, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
  return createHash('sha256').update(sorted).digest('hex')
}
