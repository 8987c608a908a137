import { assign, setup } from 'xstate'
import { failureOfStop } from '../rules/clearance.ts'
import {
  afterSecondsOf,
  type Failure,
  failureOf,
  parked,
  postponed,
  type StepError,
  stepErrorOf,
} from '../rules/failure.ts'
import { isTooLate, maxLatenessMs } from '../rules/lateness.ts'
import { mostAttempts, waitMs } from '../rules/retry.ts'
import { atOf } from '../step.ts'
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
export const mostClipAttempts = 3
export const mostInits = 5
/** For so long it counts what the creator was said to allow. */
const preparedForSeconds = 600

export const ofSlot = (context: JobContext) => ({
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
  context.sentAt !== null || (context.unsure && sendsLastChunk(context))

export const sendsLastChunk = ({ post, nextChunk }: JobContext): boolean =>
  post !== null && nextChunk + 1 >= post.chunkCount

/** Whether its time counts: not once its post may appear or its books are being closed, nor when a person has said so. */
const isPunctual = (context: JobContext): boolean =>
  !mayAppear(context) && context.ending === null && !context.mayBeLate

/** However long a job has to wait: for a post that has its time it ends when a person has to decide about it. */
const untilTooLate = (context: JobContext, event: object, milliseconds: number): number =>
  isPunctual(context)
    ? Math.min(milliseconds, Math.max(0, context.publishAt + maxLatenessMs + 1 - atOf(event)))
    : milliseconds

/** What holds a job is looked at again so often, should nobody have told it, and once more when its slot's time comes. */
const holdPollMs = 30 * 60_000
/** An account that is connected again tells its jobs; whether it has is looked at once a day all the same. */
const accountPollMs = 24 * 3_600_000

/** A post has each of its public ids once. */
const withPost = (ids: readonly string[], id: string | null): readonly string[] =>
  id === null || ids.includes(id) ? ids : [...ids, id]

/** TikTok's word against a post, whether it told it by itself or was asked. */
interface Rejection {
  readonly again: boolean
  readonly afterSeconds?: number
  readonly failure: Failure
}

function rejectionOf(event: object): Rejection | undefined {
  const told = 'output' in event ? event.output : event
  return typeof told === 'object' && told !== null && 'again' in told && 'failure' in told
    ? (told as Rejection)
    : undefined
}

function outputKindOf(event: object): unknown {
  const output = 'output' in event ? event.output : undefined
  return typeof output === 'object' && output !== null && 'kind' in output ? output.kind : undefined
}

/** What was tried as often as it may be is not tried again: its verdict must not go on promising that. */
const forGood = (failure: Failure): Failure =>
  failure.verdict === 'RETRY_AFTER' ? { ...failure, verdict: 'PERMANENT' } : failure

/**
 * What a person is told for whom a job waits: a verdict that promises to go on by itself is over, so it is left to the operator.
 * Nobody is asked without being told what for.
 */
const forPerson = (failure: Failure | null): Failure => {
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
      context.wish === null || mayAppear(context)
        ? untilTooLate(context, event, waitMs(context.slotId, context, event))
        : 0,
    clipPoll: ({ context }) => context.pollAfterMs,
    quotaPoll: ({ context, event }) => untilTooLate(context, event, 10 * 60_000),
    holdPoll: ({ context, event }) => {
      const untilSlot = context.publishAt - atOf(event)
      return untilTooLate(context, event, untilSlot > 0 ? Math.min(untilSlot, holdPollMs) : holdPollMs)
    },
    accountPoll: ({ context, event }) => untilTooLate(context, event, accountPollMs),
    untilSlot: ({ context, event }) => Math.max(0, context.publishAt - atOf(event)),
    postPoll: ({ context }) => pollDelayMs(context.polls),
  },
  guards: {
    isError: ({ event }, kind: StepError['kind']) => 'error' in event && stepErrorOf(event).kind === kind,
    mayTryAgain: ({ context, event }) =>
      'error' in event && stepErrorOf(event).kind === 'retry' && context.attempts < mostAttempts,
    wishesCancel: ({ context }) => context.wish === 'cancel' && !mayAppear(context),
    wishesPause: ({ context }) => context.wish === 'pause' && context.sentAt === null,
    hasWish: ({ context }) => context.wish !== null,
    isEnding: ({ context }) => context.ending !== null,
    isSent: ({ context }) => context.sentAt !== null,
    isNotSent: ({ context }) => context.sentAt === null,
    cannotAppear: ({ context }) => !mayAppear(context),
    /** Nothing of a post was begun, so its time can still be another. */
    hasNothingOpen: ({ context }) =>
      context.post === null && context.inits === 0 && context.sentAt === null && context.ending === null,
    isUnsure: ({ context }) => context.unsure,
    hasPost: ({ context }) => context.post !== null,
    isChecked: ({ context }) => context.media !== null && context.checked,
    hasMedia: ({ context }) => context.media !== null,
    hasAllClips: ({ context }) => context.scenes > 0 && context.clips.length >= context.scenes,
    hasClip: ({ context }) => context.clip !== null,
    hasQuota: ({ context }) => context.reserved,
    isOpen: ({ context }) => context.scenes > 0,
    keepsLastClip: ({ context }) => context.clips.length + 1 >= context.scenes,
    sendsLastChunk: ({ context }) => sendsLastChunk(context),
    mayInitAgain: ({ context }) => context.inits < mostInits,
    watchedEnough: ({ context, event }) =>
      context.sentAt !== null && atOf(event) - (context.watchedSince ?? 0) > watchForMs,
    /** What the creator allows was asked a moment ago; after a longer wait it is asked again. */
    isStillPrepared: ({ context }) => context.afterSeconds <= preparedForSeconds,
    missedItsTimeOpen: ({ context, event }) =>
      context.post !== null && isPunctual(context) && isTooLate(context.publishAt, atOf(event)),
    /** TikTok has said that it does not have all of the post, whose time has passed. */
    isPartlyLate: ({ context, event }) =>
      outputKindOf(event) === 'partly' &&
      context.ending === null &&
      context.wish === null &&
      !context.mayBeLate &&
      isTooLate(context.publishAt, atOf(event)),
    missedItsTime: ({ context, event }) => isPunctual(context) && isTooLate(context.publishAt, atOf(event)),
    /** Its books are not being closed, and its post cannot appear. */
    mayBeHeld: ({ context }) => context.ending === null && !mayAppear(context),
    isStale: ({ context }) => context.failure?.code === 'APPROVAL_STALE',
    mayOpenAnother: ({ context, event }) =>
      'error' in event && stepErrorOf(event).kind === 'outdated' && context.inits < mostInits,
    isForEveryone: ({ context }) => context.audience === 'everyone',
    /** News that tells of a later moment than what is known. */
    isNews: ({ context, event }) => 'createdAt' in event && event.createdAt >= context.newsAt,
    /** Another public post of it, or one that was not to be seen before. */
    isNewlyShown: ({ context, event }) =>
      event.type === 'postShown' &&
      event.createdAt >= context.newsAt &&
      (context.visibility !== 'public' ||
        (event.postId !== null && !context.publicPostIds.includes(event.postId))),
    endsAs: ({ context }, ending: JobContext['ending']) => context.ending === ending,
    isHidden: ({ context }) => context.ending === 'published' && context.visibility === 'hidden',
    /** TikTok rejected the post and allows a fresh one; the same word in a webhook and in a step's answer. */
    mayPostAgain: ({ context, event }) => rejectionOf(event)?.again === true && context.inits < mostInits,
  },
  actions: {
    wishCancel: assign({ wish: 'cancel' }),
    wishPause: assign({ wish: 'pause' }),
    moveSlot: assign(({ context, event }) => ({
      publishAt: event.type === 'slotMoved' ? event.publishAt : context.publishAt,
    })),
    forgetWish: assign({ wish: null }),
    /** A step did its work: what it struggled with before is over. */
    succeed: assign({ attempts: 0, afterSeconds: 0, failure: null }),
    /** A step was tried in vain. */
    postpone: assign(({ context, event }) => postponed(context, event)),
    /** It was not the step's turn, so its attempts stay as they are. */
    park: assign(({ event }) => parked(event)),
    blame: assign(({ event }) => ({
      failure: 'failure' in event ? event.failure : failureOf(stepErrorOf(event)),
    })),
    /** An answer was lost: until it is looked up, nothing may be done again. */
    doubt: assign(({ event }) => ({ unsure: true, afterSeconds: afterSecondsOf(stepErrorOf(event)) })),
    end: assign(({ context: { failure } }, ending: Ending) => ({
      ending,
      failure: ending === 'failed' && failure ? forGood(failure) : failure,
    })),
    fail: assign((_, failure: Failure) => ({ failure })),
    /** Under the same name a provider would only give the broken clip again. */
    orderAnew: assign(({ context }) => ({ clip: null, clipAttempt: context.clipAttempt + 1 })),
    askPerson: assign(({ context }) => ({ failure: forPerson(context.failure) })),
    forgetPost: assign(noPost),
    /** Who retries a job whose time has passed has decided that it shall be posted all the same. */
    permitLateness: assign(({ context }) => ({
      mayBeLate: context.mayBeLate || context.failure?.code === 'SLOT_PASSED',
    })),
    sendChunk: assign(({ context }) => ({
      nextChunk: context.nextChunk + 1,
      progress: { done: context.nextChunk + 1, of: context.post?.chunkCount ?? 0, unit: 'chunks' as const },
    })),
    /** All bytes are with TikTok: the post may exist from here on. */
    sendAll: assign(({ context, event }) => ({
      unsure: false,
      sentAt: atOf(event),
      watchedSince: atOf(event),
      polls: 0,
      nextChunk: context.post?.chunkCount ?? 0,
    })),
    /** TikTok names a public post; a creator may have made several of one. */
    show: assign(({ context, event }) =>
      event.type === 'postShown'
        ? {
            visibility: 'public' as const,
            newsAt: event.createdAt,
            publicPostIds: withPost(context.publicPostIds, event.postId),
          }
        : {},
    ),
    hide: assign(({ context, event }) =>
      event.type === 'postHidden'
        ? {
            visibility: 'hidden' as const,
            newsAt: event.createdAt,
            publicPostIds: withPost(context.publicPostIds, event.postId),
          }
        : {},
    ),
    countPoll: assign({ polls: ({ context }) => context.polls + 1 }),
    keepPrivate: assign({ visibility: 'private' }),
    /** What TikTok said against the post; a fresh one is another attempt, after as long as it takes TikTok to recover. */
    reject: assign(({ context, event }) => ({
      failure: rejectionOf(event)?.failure ?? null,
      attempts: context.attempts + 1,
      afterSeconds: rejectionOf(event)?.afterSeconds ?? 0,
    })),
    countInit: assign(({ context }) => ({ inits: context.inits + 1 })),
    passTime: assign({
      attempts: 0,
      afterSeconds: 0,
      failure: failureOfStop('SLOT_PASSED'),
      wish: null,
      unsure: false,
    }),
    startAfresh: assign({ attempts: 0, afterSeconds: 0, failure: null, wish: null }),
  },
})
