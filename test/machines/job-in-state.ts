import { jobMachine } from '../../src/definitions/machines.ts'
import { day, Walk } from './walk.ts'

const failure = { verdict: 'RETRY_AFTER', code: 'x', message: 'x' } as const
const holdFailure = { verdict: 'NEEDS_USER', code: 'PLAN_LOCKED', message: 'x' } as const
const clip = { v: 1 }
const kept = { sha256: 'a', bytes: 1 }
const media = { sha256: 'b', bytes: 10, seconds: 5, width: 1080, height: 1920 }
const post = { publishId: 'p', uploadUrlSealed: 's', chunkSize: 5, chunkCount: 2, approvedHash: 'h' }

const begun = () => new Walk(jobMachine, { slotId: 'slot', accountId: 'account', publishAt: 2 * day })
const opened = () => begun().done('openJob', { scenes: 1, seconds: 5 })
const generating = () => opened().done('reserveQuota')
const submitted = () => generating().done('submitClip', { clip })
const stored = () =>
  submitted()
    .done('checkClip', { kind: 'ready' })
    .done('keepClip', { kept })
    .done('storeVideo', { media })
    .done('checkMedia')
const initialising = () => stored().timer().done('preparePost')
const uploading = () => initialising().done('initPost', { post, audience: 'everyone' })
const accepted = () => uploading().done('uploadChunk').done('uploadChunk')
const preview = () =>
  new Walk(jobMachine, { purpose: 'preview', slotId: 'slot', accountId: 'account', publishAt: 2 * day })
    .done('openJob', { scenes: 1, seconds: 5 })
    .done('reserveQuota')
    .done('submitClip', { clip })
    .done('checkClip', { kind: 'ready' })
    .done('keepClip', { kept })
    .done('storeVideo', { media })
const published = () => accepted().timer().done('checkPost', { kind: 'private' }).done('closeJob')

/** A job in each state that a checkpoint can hold, by the shortest path. Its slot is a day after its start. */
export const jobInState: Readonly<Record<string, () => Walk>> = {
  queued: begun,
  reservingQuota: opened,
  waitingForQuota: () => opened().fail({ kind: 'needsPerson', failure }),
  'generating.submitting': generating,
  'generating.checking': submitted,
  'generating.rendering': () =>
    submitted().done('checkClip', { kind: 'running', progress: 0, pollAfterMs: 1_000 }),
  'generating.keeping': () => submitted().done('checkClip', { kind: 'ready' }),
  'generating.backingOff': () => generating().fail({ kind: 'retry', failure }),
  storing: () => submitted().done('checkClip', { kind: 'ready' }).done('keepClip', { kept }),
  checkingMedia: () =>
    submitted().done('checkClip', { kind: 'ready' }).done('keepClip', { kept }).done('storeVideo', { media }),
  awaitingSlot: stored,
  'publishing.preparing': () => stored().timer(),
  'publishing.initialising': initialising,
  'publishing.deferred': () => initialising().fail({ kind: 'deferred', failure, afterSeconds: 7 }),
  'publishing.uploading': uploading,
  'publishing.reconciling': () => uploading().fail({ kind: 'unknown', failure }),
  'publishing.backingOff': () => uploading().fail({ kind: 'retry', failure }),
  'watching.accepted': accepted,
  'watching.processing': () => accepted().timer().done('checkPost', { kind: 'processing' }),
  'watching.inModeration': () => accepted().timer().done('checkPost', { kind: 'inModeration' }),
  'watching.checking': () => accepted().timer(),
  'watching.backingOff': () => accepted().timer().fail({ kind: 'retry', failure }),
  backingOff: () => begun().fail({ kind: 'retry', failure }),
  held: () => stored().send({ type: 'hold', failure: holdFailure }),
  checkingHold: () => stored().send({ type: 'hold', failure: holdFailure }).send({ type: 'retry' }),
  paused: () => stored().send({ type: 'pause' }),
  waitingForAccount: () => stored().timer().fail({ kind: 'needsAccount', failure }),
  needsPerson: () => stored().timer().fail({ kind: 'needsPerson', failure }),
  closing: () => accepted().timer().done('checkPost', { kind: 'private' }),
  rendered: () => preview().done('checkMedia').done('closeJob'),
  published,
  delivered: () => accepted().timer().done('checkPost', { kind: 'delivered' }).done('closeJob'),
  takenDown: () => accepted().send({ type: 'postHidden', createdAt: 9, postId: '1' }).done('closeJob'),
  cancelled: () => begun().send({ type: 'cancel' }).done('closeJob'),
  failed: () => stored().timer().fail({ kind: 'failed', failure }).done('closeJob'),
}
