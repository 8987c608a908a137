import { assign, setup } from 'xstate'
import { failureOfStop } from '../rules/clearance.ts'
import {
  afterSecondsOf,
  deferral,
  type Failure,
  failureOf,
  retryRecord,
  type StepError,
  stepErrorOf,
} from '../rules/failure.ts'
import { isTooLate } from '../rules/lateness.ts'
import { maxAttempts, waitMs } from '../rules/retry.ts'
import { eventTime } from '../step.ts'
import { type Ending, type JobContext, type JobInput, noPost } from './context.ts'
import type { JobEvent } from './events.ts'
import { addPostId, cappedAtSlot, mayAppear, missedSlot, sendsLastChunk } from './facts.ts'
import { maxCountedPolls, pollDelayMs, watchForMs } from './poll-schedule.ts'
import { jobSteps } from './steps.ts'
import { asFinal, asPersonTask, outputKindOf, rejectionOf } from './verdict.ts'

/** Renderings of one scene before a person decides. */
export const maxClipAttempts = 3
/** Posts that a job opens at TikTok before a person decides. */
export const maxInitAttempts = 5
/** How long the creator's settings, read while preparing, remain valid for opening the post. */
const preparedForSeconds = 600

const quotaPollMs = 10 * 60_000
/** A held job is notified when its hold is lifted; polling covers changes made directly in the database. */
const holdPollMs = 30 * 60_000
/** A job is notified when its account is connected; polling covers a lost notification. */
const accountPollMs = 24 * 3_600_000

/** Types, steps, delays, guards and actions of the job machine. */
export const jobSetup = setup({
  types: {
    context: {} as JobContext,
    events: {} as JobEvent,
    input: {} as JobInput,
    tags: {} as 'working' | 'waiting' | 'resting' | 'settled' | 'final',
  },
  actors: jobSteps,
  delays: {
    /** A pending cancel or pause does not wait for the upstream, unless the outcome of the post has to be looked up first. */
    backoff: ({ context, event }) =>
      context.pendingRequest === null || mayAppear(context)
        ? cappedAtSlot(context, event, waitMs(context.slotId, context, event))
        : 0,
    clipPoll: ({ context }) => context.pollAfterMs,
    quotaPoll: ({ context, event }) => cappedAtSlot(context, event, quotaPollMs),
    holdPoll: ({ context, event }) => {
      const untilSlot = context.publishAt - eventTime(event)
      return cappedAtSlot(context, event, untilSlot > 0 ? Math.min(untilSlot, holdPollMs) : holdPollMs)
    },
    accountPoll: ({ context, event }) => cappedAtSlot(context, event, accountPollMs),
    untilSlot: ({ context, event }) => Math.max(0, context.publishAt - eventTime(event)),
    postPoll: ({ context }) => pollDelayMs(context.polls),
  },
  guards: {
    isError: ({ event }, kind: StepError['kind']) => 'error' in event && stepErrorOf(event).kind === kind,
    mayRetry: ({ context, event }) =>
      'error' in event && stepErrorOf(event).kind === 'retry' && context.attempts < maxAttempts,
    isCancelRequested: ({ context }) => context.pendingRequest === 'cancel' && !mayAppear(context),
    isPauseRequested: ({ context }) => context.pendingRequest === 'pause' && context.sentAt === null,
    hasPendingRequest: ({ context }) => context.pendingRequest !== null,
    isEnding: ({ context }) => context.ending !== null,
    isSent: ({ context }) => context.sentAt !== null,
    isNotSent: ({ context }) => context.sentAt === null,
    cannotAppear: ({ context }) => !mayAppear(context),
    /** The slot can still move: no post was opened and none may have been. */
    hasNoPostBegun: ({ context }) =>
      context.post === null &&
      context.initAttempts === 0 &&
      context.sentAt === null &&
      context.ending === null,
    isOutcomeUnknown: ({ context }) => context.outcomeUnknown,
    hasPost: ({ context }) => context.post !== null,
    isMediaChecked: ({ context }) => context.media !== null && context.checked,
    hasMedia: ({ context }) => context.media !== null,
    hasAllClips: ({ context }) => context.scenes > 0 && context.clips.length >= context.scenes,
    hasClip: ({ context }) => context.clip !== null,
    isQuotaReserved: ({ context }) => context.reserved,
    isPreview: ({ context }) => context.purpose === 'preview',
    /** There is a video already, so nothing is generated. */
    isProvided: ({ context }) => context.provided !== null,
    isOpened: ({ context }) => context.scenes > 0 || context.provided !== null,
    sendsLastChunk: ({ context }) => sendsLastChunk(context),
    mayInitAgain: ({ context }) => context.initAttempts < maxInitAttempts,
    isWatchOver: ({ context, event }) =>
      context.sentAt !== null && eventTime(event) - (context.watchedSince ?? 0) > watchForMs,
    /** After a longer wait the creator's settings are read again. */
    isStillPrepared: ({ context }) => context.afterSeconds <= preparedForSeconds,
    missedSlotWithOpenPost: ({ context, event }) => context.post !== null && missedSlot(context, event),
    /** TikTok reports an incomplete upload, and the slot's time passed too long ago. */
    isIncompleteAndTooLate: ({ context, event }) =>
      outputKindOf(event) === 'partly' &&
      context.ending === null &&
      context.pendingRequest === null &&
      !context.mayBeLate &&
      isTooLate(context.publishAt, eventTime(event)),
    missedSlot: ({ context, event }) => missedSlot(context, event),
    mayBeHeld: ({ context }) => context.ending === null && !mayAppear(context),
    isApprovalStale: ({ context }) => context.failure?.code === 'APPROVAL_STALE',
    mayOpenAnother: ({ context, event }) =>
      'error' in event && stepErrorOf(event).kind === 'outdated' && context.initAttempts < maxInitAttempts,
    isForEveryone: ({ context }) => context.audience === 'everyone',
    /** Webhooks arrive in any order: an older one is ignored. */
    isNewer: ({ context, event }) => 'createdAt' in event && event.createdAt >= context.lastWebhookAt,
    /** A public post that is not known yet, or one that was hidden. */
    isNewlyVisible: ({ context, event }) =>
      event.type === 'postShown' &&
      event.createdAt >= context.lastWebhookAt &&
      (context.visibility !== 'public' ||
        (event.postId !== null && !context.publicPostIds.includes(event.postId))),
    endsAs: ({ context }, ending: JobContext['ending']) => context.ending === ending,
    isHidden: ({ context }) => context.ending === 'published' && context.visibility === 'hidden',
    /** TikTok rejected the post and allows a fresh one. */
    canPostAgain: ({ context, event }) =>
      rejectionOf(event)?.canRetry === true && context.initAttempts < maxInitAttempts,
  },
  actions: {
    requestCancel: assign({ pendingRequest: 'cancel' }),
    requestPause: assign({ pendingRequest: 'pause' }),
    updatePublishAt: assign(({ context, event }) => ({
      publishAt: event.type === 'slotMoved' ? event.publishAt : context.publishAt,
    })),
    clearPendingRequest: assign({ pendingRequest: null }),
    recordSuccess: assign({ attempts: 0, afterSeconds: 0, failure: null }),
    recordRetry: assign(({ context, event }) => retryRecord(context, event)),
    /** Our own limits deferred the step: no attempt is counted. */
    defer: assign(({ event }) => deferral(event)),
    recordFailure: assign(({ event }) => ({
      failure: 'failure' in event ? event.failure : failureOf(stepErrorOf(event)),
    })),
    /** A response was lost: nothing is repeated before the outcome is looked up. */
    markUnknown: assign(({ event }) => ({
      outcomeUnknown: true,
      afterSeconds: afterSecondsOf(stepErrorOf(event)),
    })),
    setEnding: assign(({ context: { failure } }, ending: Ending) => ({
      ending,
      failure: ending === 'failed' && failure ? asFinal(failure) : failure,
    })),
    setFailure: assign((_, failure: Failure) => ({ failure })),
    /** The attempt number is part of the provider's idempotency key: without a new one it would return the broken clip. */
    discardClip: assign(({ context }) => ({ clip: null, clipAttempt: context.clipAttempt + 1 })),
    explainToPerson: assign(({ context }) => ({ failure: asPersonTask(context.failure) })),
    clearPost: assign(noPost),
    /** Retrying a job that missed its slot is a person's decision to post it late. */
    allowLateness: assign(({ context }) => ({
      mayBeLate: context.mayBeLate || context.failure?.code === 'SLOT_PASSED',
    })),
    recordChunk: assign(({ context }) => ({
      nextChunk: context.nextChunk + 1,
      progress: {
        completed: context.nextChunk + 1,
        total: context.post?.chunkCount ?? 0,
        unit: 'chunks' as const,
      },
    })),
    /** TikTok has all bytes: from now on the post may exist. */
    recordAllChunks: assign(({ context, event }) => ({
      outcomeUnknown: false,
      sentAt: eventTime(event),
      watchedSince: eventTime(event),
      polls: 0,
      nextChunk: context.post?.chunkCount ?? 0,
    })),
    /** A creator can publish one draft several times, so a job may have several public posts. */
    recordShown: assign(({ context, event }) =>
      event.type === 'postShown'
        ? {
            visibility: 'public' as const,
            lastWebhookAt: event.createdAt,
            publicPostIds: addPostId(context.publicPostIds, event.postId),
          }
        : {},
    ),
    recordHidden: assign(({ context, event }) =>
      event.type === 'postHidden'
        ? {
            visibility: 'hidden' as const,
            lastWebhookAt: event.createdAt,
            publicPostIds: addPostId(context.publicPostIds, event.postId),
          }
        : {},
    ),
    /** Not beyond what the schedule asks for: a poll that changes nothing is not committed. */
    countPoll: assign({ polls: ({ context }) => Math.min(context.polls + 1, maxCountedPolls) }),
    recordPrivate: assign({ visibility: 'private' }),
    /** A fresh post after a rejection counts as an attempt. */
    recordRejection: assign(({ context, event }) => ({
      failure: rejectionOf(event)?.failure ?? null,
      attempts: context.attempts + 1,
      afterSeconds: rejectionOf(event)?.afterSeconds ?? 0,
    })),
    countInitAttempt: assign(({ context }) => ({ initAttempts: context.initAttempts + 1 })),
    recordSlotPassed: assign({
      attempts: 0,
      afterSeconds: 0,
      failure: failureOfStop('SLOT_PASSED'),
      pendingRequest: null,
      outcomeUnknown: false,
    }),
    resetForRetry: assign({ attempts: 0, afterSeconds: 0, failure: null, pendingRequest: null }),
  },
})
