import { assign, setup } from 'xstate'
import {
  deferral,
  type Failure,
  failureOf,
  retryRecord,
  type StepError,
  stepErrorOf,
} from './rules/failure.ts'
import { maxAttempts, waitMs } from './rules/retry.ts'
import { step } from './step.ts'

/** Time limit from the start of an upload to its last byte: four gigabytes at half a megabit a second take 18 hours. */
export const uploadMs = 24 * 3_600_000
/** How long a deleted media can be restored. */
export const deletionGraceMs = 7 * 24 * 3_600_000
/** Failed attempts at previews before the media goes without them. */
const maxPreviewAttempts = 3

/** What a conversion changes about a file. */
export type Remedy =
  | 'container'
  | 'videoCodec'
  | 'audioCodec'
  | 'audioMissing'
  | 'rotation'
  | 'size'
  | 'frameRate'
  | 'indexAtEnd'

export interface MediaContext {
  readonly mediaId: string
  /** Failed attempts of the current step, and the delay that was requested. */
  readonly attempts: number
  readonly afterSeconds: number
  /** Why it is refused, or why the last attempt failed. */
  readonly failure: Failure | null
  /** What a conversion would change; empty if none would help. */
  readonly remedies: readonly Remedy[]
  /** Whether the file is the result of a conversion. */
  readonly isConverted: boolean
  /** Where a restored media returns to. */
  readonly wasReady: boolean
}

export interface MediaInput {
  readonly mediaId: string
  /** Default: `upload`. `job`: the file is stored and checked already. */
  readonly from?: 'upload' | 'job'
}

export type MediaEvent =
  /** All bytes have arrived and are stored. */
  | { readonly type: 'received' }
  /** All bytes have arrived, and the organization has the same content already. */
  | { readonly type: 'duplicated' }
  /** A person gives the upload up. */
  | { readonly type: 'abandon' }
  /** A person has the file checked again. */
  | { readonly type: 'recheck' }
  /** A person accepts the offered conversion. */
  | { readonly type: 'convert' }
  | { readonly type: 'delete' }
  | { readonly type: 'restore' }
  /** The queue gave up on the workers. */
  | { readonly type: 'infrastructureFailed'; readonly failure: Failure }

/** What the check of a file found. */
export type MediaCheck =
  | { readonly kind: 'accepted'; readonly remedies: readonly Remedy[] }
  | { readonly kind: 'refused'; readonly failure: Failure; readonly remedies: readonly Remedy[] }

interface Attempt {
  /** Failed attempts of the step so far. */
  readonly attempts: number
}

const mediaSteps = {
  /** Probes the stored file, records what it is, and checks it against TikTok's rules. */
  checkUpload: step<Attempt & { readonly isConverted: boolean }, MediaCheck>(),
  /** Makes the poster and the thumbnails. */
  makePreviews: step<Attempt>(),
  /** Converts the file and stores the result in its place. */
  convertUpload: step<Attempt & { readonly remedies: readonly Remedy[] }>(),
  /** Removes the files of a deleted media and frees their quota. */
  purgeMedia: step<Attempt>(),
}

const mediaSetup = setup({
  types: {
    context: {} as MediaContext,
    events: {} as MediaEvent,
    input: {} as MediaInput,
    tags: {} as 'working' | 'waiting' | 'resting' | 'settled' | 'final',
  },
  actors: mediaSteps,
  delays: {
    upload: uploadMs,
    grace: deletionGraceMs,
    backoff: ({ context, event }) => waitMs(context.mediaId, context, event),
  },
  guards: {
    isAccepted: ({ event }) => 'output' in event && (event.output as MediaCheck).kind === 'accepted',
    isDeferred: ({ event }) => 'error' in event && stepErrorOf(event).kind === 'deferred',
    isRetryable: ({ context, event }, max: number) => {
      const isTransient: StepError['kind'][] = ['retry', 'unknown']
      return 'error' in event && isTransient.includes(stepErrorOf(event).kind) && context.attempts + 1 < max
    },
    canConvert: ({ context }) => context.remedies.length > 0,
    wasReady: ({ context }) => context.wasReady,
  },
  actions: {
    recordCheck: assign(({ event }) => {
      const check = ('output' in event ? event.output : undefined) as MediaCheck
      return {
        attempts: 0,
        afterSeconds: 0,
        failure: check.kind === 'refused' ? check.failure : null,
        remedies: check.remedies,
        wasReady: check.kind === 'accepted',
      }
    }),
    recordConversion: assign({
      attempts: 0,
      afterSeconds: 0,
      failure: null,
      isConverted: true,
      wasReady: false,
    }),
    recordRetry: assign(({ context, event }) => retryRecord(context, event)),
    defer: assign(({ event }) => deferral(event)),
    recordFailure: assign(({ event }) => ({
      attempts: 0,
      afterSeconds: 0,
      failure: 'failure' in event ? event.failure : failureOf(stepErrorOf(event)),
    })),
    clearAttempts: assign({ attempts: 0, afterSeconds: 0 }),
    clearFailure: assign({ attempts: 0, afterSeconds: 0, failure: null }),
  },
})

const backOff = [
  { guard: 'isDeferred', target: 'backingOff', actions: 'defer' },
  {
    guard: { type: 'isRetryable', params: maxAttempts },
    target: 'backingOff',
    actions: 'recordRetry',
  },
] as const

/** A step in progress is aborted. The file stays until the grace has passed. */
const canBeDeleted = { delete: { target: '#media.deleted', actions: 'clearAttempts' } } as const

const unconverted = [
  { guard: 'wasReady', target: '#media.ready', actions: 'recordFailure' },
  { target: '#media.refused', actions: 'recordFailure' },
] as const

const restore = [
  { guard: 'wasReady', target: '#media.ready', actions: 'clearAttempts' },
  { target: '#media.checking', actions: 'clearAttempts' },
] as const

/**
 * A media of the library: uploaded, checked, and kept until it is deleted. Nothing that a person could mend is final: a refused
 * media waits for its conversion, for another check, or for its deletion.
 */
export const mediaLogic = mediaSetup.createMachine({
  id: 'media',
  context: ({ input }) => ({
    mediaId: input.mediaId,
    attempts: 0,
    afterSeconds: 0,
    failure: null,
    remedies: [],
    isConverted: false,
    wasReady: input.from === 'job',
  }),
  initial: 'added',
  states: {
    added: { always: [{ guard: 'wasReady', target: 'ready' }, { target: 'uploading' }] },
    /** Bytes arrive, in as many requests as it takes. */
    uploading: {
      tags: 'waiting',
      after: { upload: 'expired' },
      on: { received: 'checking', duplicated: 'duplicate', abandon: 'expired', delete: 'expired' },
    },
    checking: {
      initial: 'probing',
      on: {
        ...canBeDeleted,
        infrastructureFailed: { target: 'refused', actions: 'recordFailure' },
      },
      states: {
        probing: {
          tags: 'working',
          invoke: {
            id: 'checkUpload',
            src: 'checkUpload',
            input: ({ context: { attempts, isConverted } }) => ({ attempts, isConverted }),
            onDone: [
              { guard: 'isAccepted', target: '#media.illustrating', actions: 'recordCheck' },
              { target: '#media.refused', actions: 'recordCheck' },
            ],
            onError: [...backOff, { target: '#media.refused', actions: 'recordFailure' }],
          },
        },
        backingOff: { tags: 'waiting', after: { backoff: 'probing' } },
      },
    },
    /** A media without previews is as good for a post: no failure here refuses it. */
    illustrating: {
      initial: 'drawing',
      on: { ...canBeDeleted, infrastructureFailed: { target: 'ready', actions: 'recordFailure' } },
      states: {
        drawing: {
          tags: 'working',
          invoke: {
            id: 'makePreviews',
            src: 'makePreviews',
            input: ({ context: { attempts } }) => ({ attempts }),
            onDone: { target: '#media.ready', actions: 'clearFailure' },
            onError: [
              { guard: 'isDeferred', target: 'backingOff', actions: 'defer' },
              {
                guard: { type: 'isRetryable', params: maxPreviewAttempts },
                target: 'backingOff',
                actions: 'recordRetry',
              },
              { target: '#media.ready', actions: 'recordFailure' },
            ],
          },
        },
        backingOff: { tags: 'waiting', after: { backoff: 'drawing' } },
      },
    },
    /** Posts may use it. */
    ready: {
      tags: 'settled',
      on: {
        delete: canBeDeleted.delete,
        recheck: { target: 'checking', actions: 'clearAttempts' },
        convert: { guard: 'canConvert', target: 'converting', actions: 'clearAttempts' },
      },
    },
    refused: {
      tags: 'resting',
      on: {
        ...canBeDeleted,
        recheck: { target: 'checking', actions: 'clearAttempts' },
        convert: { guard: 'canConvert', target: 'converting', actions: 'clearAttempts' },
      },
    },
    /** A conversion that fails leaves the file as it was. */
    converting: {
      initial: 'encoding',
      on: { ...canBeDeleted, infrastructureFailed: unconverted },
      states: {
        encoding: {
          tags: 'working',
          invoke: {
            id: 'convertUpload',
            src: 'convertUpload',
            input: ({ context: { attempts, remedies } }) => ({ attempts, remedies }),
            onDone: { target: '#media.checking', actions: 'recordConversion' },
            onError: [...backOff, ...unconverted],
          },
        },
        backingOff: { tags: 'waiting', after: { backoff: 'encoding' } },
      },
    },
    /** Its files are kept for a while. */
    deleted: {
      tags: 'waiting',
      after: { grace: 'purging' },
      on: { restore },
    },
    purging: {
      initial: 'removing',
      on: { restore },
      states: {
        removing: {
          tags: 'working',
          invoke: {
            id: 'purgeMedia',
            src: 'purgeMedia',
            input: ({ context: { attempts } }) => ({ attempts }),
            onDone: { target: '#media.purged', actions: 'clearFailure' },
            // Files that nothing needs cost money until they are gone.
            onError: [
              { guard: 'isDeferred', target: 'backingOff', actions: 'defer' },
              { target: 'backingOff', actions: 'recordRetry' },
            ],
          },
        },
        backingOff: { tags: 'waiting', after: { backoff: 'removing' } },
      },
    },
    /** Its files are gone; what it was is kept. */
    purged: { tags: 'final', type: 'final' },
    /** The upload was not completed. */
    expired: { tags: 'final', type: 'final' },
    /** The organization had the same content already, which is used instead. */
    duplicate: { tags: 'final', type: 'final' },
  },
})
