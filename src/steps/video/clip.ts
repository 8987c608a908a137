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
import { failureWithCause, ownFailure } from '../failure.ts'
import { deferred, needsPerson, outcomeUnknown, retry } from '../outcome.ts'
import type { SlotInput } from '../post/clearance.ts'
import type { StepDeps } from '../step-deps.ts'
import { readStoryboardToRender } from './brief.ts'
import { callProvider } from './call-provider.ts'

/** The stored reference is the provider's own opaque JSON. */
const toJobRef = (clip: ClipRef): JobRef => clip as unknown as JobRef

/**
 * Submits one scene. Each attempt has one idempotency key. If an earlier worker may have submitted it and the provider does
 * not recognise repeated keys, it is not submitted again, because it may have been charged.
 */
export async function submitClip(
  deps: StepDeps,
  context: StepContext,
  input: SlotInput & {
    readonly attempts?: number
    readonly scene: number
    readonly attempt: number
  },
): Promise<StepOutcome> {
  const { videos } = deps
  // Before the clearance: a job that is held and later submits under another key would be charged twice.
  if (context.mayHaveBegun && !videos.traits.idempotentSubmit) return mayBeCharged()
  const brief = await readStoryboardToRender(deps, context, input)
  if (brief.kind === 'stopped') return brief.outcome
  const { storyboard, dueAt } = brief

  const key = createHash('sha256').update(`${context.jobId}/${input.scene}/${input.attempt}`).digest('hex')
  const plan = videos.plan({ key, storyboard, sceneIndex: input.scene })
  if (plan.kind === 'refused') return needsPerson(ownFailure('FIX_MEDIA', 'CLIP_REFUSED', plan.message))
  try {
    const { signal } = context
    const submitted = await callProvider(deps, signal, input, () =>
      videos.submit(plan, {
        signal,
        dueAt,
        organizationId: context.organizationId,
        upcoming: scenesAhead(videos, storyboard, input.scene),
      }),
    )
    // Nothing was sent, so there is nothing to look up at the provider.
    if (submitted.kind === 'deferred') return deferred(submitted)
    return done({ clip: submitted.value as unknown as Json })
  } catch (error) {
    if (error instanceof SubmitRejected)
      return needsPerson(failureWithCause(deps, context, 'CLIP_REJECTED', error))
    if (error instanceof SubmitNotSent)
      return retry(failureWithCause(deps, context, 'PROVIDER_UNREACHABLE', error))
    if (error instanceof SubmitUnknown) {
      return videos.traits.idempotentSubmit
        ? retry(failureWithCause(deps, context, 'SUBMIT_UNANSWERED', error))
        : mayBeCharged()
    }
    throw error
  }
}

/** The plans of the following scenes, which a provider may prepare. Their keys are set when they are submitted. */
function scenesAhead(videos: VideoProvider, storyboard: Storyboard, scene: number): readonly ClipPlan[] {
  return storyboard.scenes.slice(scene + 1).flatMap((_, index) => {
    const plan = videos.plan({ key: '', storyboard, sceneIndex: scene + 1 + index })
    return plan.kind === 'planned' ? [plan] : []
  })
}

function mayBeCharged(): StepOutcome {
  const message =
    'The provider may have accepted this scene, but its answer was lost. Retrying submits it again and may be charged twice.'
  return outcomeUnknown(ownFailure('OUTCOME_UNKNOWN', 'SUBMIT_UNKNOWN', message))
}

/** Polls a clip's progress once. */
export async function checkClip(
  deps: StepDeps,
  context: StepContext,
  input: { readonly clip: ClipRef; readonly attempts?: number },
): Promise<StepOutcome> {
  const { signal } = context
  const ref = toJobRef(input.clip)
  try {
    const polled = await callProvider(deps, signal, input, (videos) => videos.poll(ref, { signal }))
    if (polled.kind === 'deferred') return deferred(polled)
    const state = polled.value
    switch (state.kind) {
      case 'queued':
        return done({ kind: 'running', progress: 0, pollAfterMs: state.pollAfterMs })
      case 'running':
        return done({ kind: 'running', progress: state.progress ?? 0, pollAfterMs: state.pollAfterMs })
      case 'done':
        return done({ kind: 'ready' })
      case 'failed': {
        const canRetry = ['capacity', 'provider', 'expired'].includes(state.class)
        const code = state.code ?? `CLIP_${state.class.toUpperCase()}`
        // The planner sees the provider's message about a scene. Any other message of the provider goes to the log only.
        const isAboutScene = ['content', 'input'].includes(state.class)
        const known = failureWithCause(deps, context, code, state.message)
        const verdict = canRetry ? 'RETRY_AFTER' : known.verdict
        const message = isAboutScene ? state.message : known.message
        return done({ kind: 'broken', canRetry, failure: { ...ownFailure(verdict, code, message) } })
      }
    }
  } catch (error) {
    if (error instanceof PollTransient) return retry(failureWithCause(deps, context, 'POLL_FAILED', error))
    throw error
  }
}

/** Stores a finished clip, whole or not at all. */
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
    if (opened.kind === 'deferred') return deferred(opened)
    if (!opened.value)
      return retry(
        ownFailure('RETRY_AFTER', 'CLIP_GONE', 'The finished clip no longer exists at the provider.'),
      )
    const { asset, cost, stream } = opened.value
    const kept = await storage.put(organizationId, Readable.fromWeb(stream), {
      ...(asset.bytes !== undefined && { bytes: asset.bytes }),
      ...(asset.sha256 !== undefined && { sha256: asset.sha256 }),
    })
    if (cost) {
      const key = `${jobId}/${clipHash(clip)}`
      const spent = { metric: 'providerSpend', amount: cost.micros, key } as const
      await db.transaction().execute((tx) => recordUsage(tx, { organizationId, at: now(), jobId, ...spent }))
    }
    return done({ kept: { sha256: kept.sha256, bytes: kept.bytes } })
  } catch (error) {
    if (error instanceof ContentMismatch || error instanceof PollTransient)
      return retry(failureWithCause(deps, context, 'CLIP_INCOMPLETE', error))
    throw error
  }
}

/** Opens a finished clip's stream. Poll and open are one call for the breaker, which permits both or neither. */
async function openClip(videos: VideoProvider, clip: ClipRef, signal: AbortSignal) {
  const ref = toJobRef(clip)
  const state = await videos.poll(ref, { signal })
  if (state.kind !== 'done') return null
  const { assets, cost } = state
  const [asset] = assets
  return asset ? { asset, cost, stream: await videos.open(ref, asset, { signal }) } : null
}

/** A hash that does not depend on the order of keys, which `jsonb` does not keep: a clip's cost is counted once. */
function clipHash(clip: ClipRef): string {
  const sorted = JSON.stringify(clip, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
  return createHash('sha256').update(sorted).digest('hex')
}
