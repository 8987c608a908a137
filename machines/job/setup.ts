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
import { isTooLate, maxLatenessMs } from '../rules/lateness.ts'
import { maxAttempts, waitMs } from '../rules/retry.ts'
import { eventTime } from '../step.ts'
import {
  type Ending,
  type JobContext,
  type JobInput,
  type KeptMedia,
  noPost,
  type OpenPost,
} from './context.ts'
import type { JobEvent } from './events.ts'
import { pollDelayMs, watchForMs } from './poll-schedule.ts'
import { jobSteps } from './steps.ts'

/** A scene is made anew at most this often; a post is opened at most this often. */
export const maxClipAttempts = 3
export const maxInitAttempts = 5
/** For so long it counts what the creator was said to allow. */
const preparedForSeconds = 600

export const slotInput = (context: JobContext) => ({
  slotId: context.slotId,
  accountId: context.accountId,
  attempts: context.attempts,
  publishAt: context.publishAt,
  mayBeLate: context.mayBeLate,
})
/** A state that needs the media or the post is entered only with them; without, the machine itself is wrong. */
export const mediaOf = (context: JobContext): KeptMedia => context.media ?? missing('media')
export const postOf = (context: JobContext): OpenPost => context.post ?? missing('post')
export const missing = (what: string): never => {
  throw new Error(`the job has no ${what} here`)
}

/** Whether TikTok may have all bytes, so that a post may appear: they were sent, or the last chunk's fate is not known yet. */
export const mayAppear = (context: JobContext): boolean =>
  context.sentAt !== null || (context.outcomeUnknown && sendsLastChunk(context))

export const sendsLastChunk = ({ post, nextChunk }: JobContext): boolean =>
  post !== null && nextChunk + 1 >= post.chunkCount

/** Whether its time counts: not once its post may appear or its books are being closed, nor when a person has said so. */
const isBoundToSlotTime = (context: JobContext): boolean =>
  !mayAppear(context) && context.ending === null && !context.mayBeLate

/** However long a job has to wait: for a post that has its time it ends when a person has to decide about it. */
const cappedAtSlot = (context: JobContext, event: object, milliseconds: number): number =>
  isBoundToSlotTime(context)
    ? Math.min(milliseconds, Math.max(0, context.publishAt + maxLatenessMs + 1 - eventTime(event)))
    : milliseconds

/** What holds a job is looked at again so often, should nobody have told it, and once more when its slot's time comes. */
const holdPollMs = 30 * 60_000
/** An account that is connected again tells its jobs; whether it has is looked at once a day all the same. */
const accountPollMs = 24 * 3_600_000

/** A post has each of its public ids once. */
const addPostId = (ids: readonly string[], id: string | null): readonly string[] =>
  id === null || ids.includes(id) ? ids : [...ids, id]

/** TikTok's word against a post, whether it told it by itself or was asked. */
interface Rejection {
  readonly again: boolean
  readonly afterSeconds?: number
  readonly failure: Failure
}

function rejectionOf(event: object): Rejection | undefined {
  const received = 'output' in event ? event.output : event
  return typeof received === 'object' && received !== null && 'again' in received && 'failure' in received
    ? (received as Rejection)
    : undefined
}

function outputKindOf(event: object): unknown {
  const output = 'output' in event ? event.output : undefined
  return typeof output === 'object' && output !== null && 'kind' in output ? output.kind : undefined
}

/** What was tried as often as it may be is not tried again: its verdict must not go on promising that. */
const asFinal = (failure: Failure): Failure =>
  failure.verdict === 'RETRY_AFTER' ? { ...failure, verdict: 'PERMANENT' } : failure

/**
 * What a person is told for whom a job waits: a verdict that promises to go on by itself is over, so it is left to the operator.
 * Nobody is asked without being told what for.
 */
const asPersonTask = (failure: Failure | null): Failure => {
  if (failure === null) return unexplained
  const goesOn = failure.verdict === 'RETRY_AFTER' || failure.verdict === 'WAIT_CAP'
  return goesOn || failure.verdict === 'PERMANENT' ? { ...failure, verdict: 'NEEDS_OPERATOR' } : failure
}

const unexplained: Failure = {
  verdict: 'NEEDS_OPERATOR',
  code: 'UNEXPLAINED',
  message: 'The job could not go on by itself. The log has the cause; then retry the job.',
}

/** What the areas of the machine share: its types, steps, delays, guards and actions. */
export const jobSetup = setup({
  types: {
    context: {} as JobContext,
    events: {} as JobEvent,
    input: {} as JobInput,
    tags: {} as 'working' | 'waiting' | 'resting' | 'final',
  },
  actors: jobSteps,
  delays: {
    /** What a person asked for meanwhile waits for no upstream, unless that has to be asked first what became of the post. */
    backoff: ({ context, event }) =>
      context.pendingRequest === null || mayAppear(context)
        ? cappedAtSlot(context, event, waitMs(context.slotId, context, event))
        : 0,
    clipPoll: ({ context }) => context.pollAfterMs,
    quotaPoll: ({ context, event }) => cappedAtSlot(context, event, 10 * 60_000),
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
    /** Nothing of a post was begun, so its time can still be another. */
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
    isOpened: ({ context }) => context.scenes > 0,
    sendsLastChunk: ({ context }) => sendsLastChunk(context),
    mayInitAgain: ({ context }) => context.initAttempts < maxInitAttempts,
    isWatchOver: ({ context, event }) =>
      context.sentAt !== null && eventTime(event) - (context.watchedSince ?? 0) > watchForMs,
    /** What the creator allows was asked a moment ago; after a longer wait it is asked again. */
    isStillPrepared: ({ context }) => context.afterSeconds <= preparedForSeconds,
    missedSlotWithOpenPost: ({ context, event }) =>
      context.post !== null && isBoundToSlotTime(context) && isTooLate(context.publishAt, eventTime(event)),
    /** TikTok has said that it does not have all of the post, whose time has passed. */
    isIncompleteAndTooLate: ({ context, event }) =>
      outputKindOf(event) === 'partly' &&
      context.ending === null &&
      context.pendingRequest === null &&
      !context.mayBeLate &&
      isTooLate(context.publishAt, eventTime(event)),
    missedSlot: ({ context, event }) =>
      isBoundToSlotTime(context) && isTooLate(context.publishAt, eventTime(event)),
    /** Its books are not being closed, and its post cannot appear. */
    mayBeHeld: ({ context }) => context.ending === null && !mayAppear(context),
    isApprovalStale: ({ context }) => context.failure?.code === 'APPROVAL_STALE',
    mayOpenAnother: ({ context, event }) =>
      'error' in event && stepErrorOf(event).kind === 'outdated' && context.initAttempts < maxInitAttempts,
    isForEveryone: ({ context }) => context.audience === 'everyone',
    /** News that tells of a later moment than what is known. */
    isNewer: ({ context, event }) => 'createdAt' in event && event.createdAt >= context.lastWebhookAt,
    /** Another public post of it, or one that was not to be seen before. */
    isNewlyVisible: ({ context, event }) =>
      event.type === 'postShown' &&
      event.createdAt >= context.lastWebhookAt &&
      (context.visibility !== 'public' ||
        (event.postId !== null && !context.publicPostIds.includes(event.postId))),
    endsAs: ({ context }, ending: JobContext['ending']) => context.ending === ending,
    isHidden: ({ context }) => context.ending === 'published' && context.visibility === 'hidden',
    /** TikTok rejected the post and allows a fresh one; the same word in a webhook and in a step's answer. */
    canPostAgain: ({ context, event }) =>
      rejectionOf(event)?.again === true && context.initAttempts < maxInitAttempts,
  },
  actions: {
    requestCancel: assign({ pendingRequest: 'cancel' }),
    requestPause: assign({ pendingRequest: 'pause' }),
    updatePublishAt: assign(({ context, event }) => ({
      publishAt: event.type === 'slotMoved' ? event.publishAt : context.publishAt,
    })),
    clearPendingRequest: assign({ pendingRequest: null }),
    /** A step did its work: what it struggled with before is over. */
    recordSuccess: assign({ attempts: 0, afterSeconds: 0, failure: null }),
    /** A step was tried in vain. */
    recordRetry: assign(({ context, event }) => retryRecord(context, event)),
    /** It was not the step's turn, so its attempts stay as they are. */
    defer: assign(({ event }) => deferral(event)),
    recordFailure: assign(({ event }) => ({
      failure: 'failure' in event ? event.failure : failureOf(stepErrorOf(event)),
    })),
    /** An answer was lost: until it is looked up, nothing may be done again. */
    markUnknown: assign(({ event }) => ({
      outcomeUnknown: true,
      afterSeconds: afterSecondsOf(stepErrorOf(event)),
    })),
    setEnding: assign(({ context: { failure } }, ending: Ending) => ({
      ending,
      failure: ending === 'failed' && failure ? asFinal(failure) : failure,
    })),
    setFailure: assign((_, failure: Failure) => ({ failure })),
    /** Under the same name a provider would only give the broken clip again. */
    discardClip: assign(({ context }) => ({ clip: null, clipAttempt: context.clipAttempt + 1 })),
    explainToPerson: assign(({ context }) => ({ failure: asPersonTask(context.failure) })),
    clearPost: assign(noPost),
    /** Who retries a job whose time has passed has decided that it shall be posted all the same. */
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
    /** All bytes are with TikTok: the post may exist from here on. */
    recordAllChunks: assign(({ context, event }) => ({
      outcomeUnknown: false,
      sentAt: eventTime(event),
      watchedSince: eventTime(event),
      polls: 0,
      nextChunk: context.post?.chunkCount ?? 0,
    })),
    /** TikTok names a public post; a creator may have made several of one. */
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
    countPoll: assign({ polls: ({ context }) => context.polls + 1 }),
    recordPrivate: assign({ visibility: 'private' }),
    /** What TikTok said against the post; a fresh one is another attempt, after as long as it takes TikTok to recover. */
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
