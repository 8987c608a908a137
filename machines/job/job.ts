import { assign } from 'xstate'
import { initialContext } from './context.ts'
import { ending } from './ending.ts'
import { mediaOf, slotInput } from './facts.ts'
import { generating } from './generating.ts'
import { publishing } from './publishing.ts'
import { jobSetup } from './setup.ts'
import { onStepError } from './shared-transitions.ts'
import { suspended } from './suspended.ts'
import { watching } from './watching.ts'

const resumeReserving = [{ guard: 'missedSlot', target: 'resuming' }, { target: 'reservingQuota' }] as const

/**
 * A job takes one slot of an approved plan to a published post, or as a preview renders a slot's video before its approval. Every state performs one step, waits for one timer, rests
 * until a person or a webhook acts, is settled, or is final.
 */
export const jobLogic = jobSetup.createMachine({
  id: 'job',
  context: ({ input }) => initialContext(input),
  initial: 'queued',
  on: {
    cancel: { target: '.closing', actions: { type: 'setEnding', params: 'cancelled' } },
    pause: '.paused',
    slotMoved: { guard: 'hasNoPostBegun', actions: 'updatePublishAt' },
    hold: { guard: 'mayBeHeld', target: '.held', actions: 'recordFailure' },
    // States whose call may have had an effect override this.
    infrastructureFailed: { target: '.needsPerson', actions: 'recordFailure' },
  },
  states: {
    queued: {
      tags: 'working',
      invoke: {
        id: 'openJob',
        src: 'openJob',
        input: ({ context }) => slotInput(context),
        onDone: {
          target: 'reservingQuota',
          actions: [
            'recordSuccess',
            assign({
              scenes: ({ event }) => event.output.scenes,
              seconds: ({ event }) => event.output.seconds,
              provided: ({ event }) => event.output.media ?? null,
            }),
          ],
        },
        onError: [...onStepError('#job.backingOff')],
      },
    },
    reservingQuota: {
      tags: 'working',
      invoke: {
        id: 'reserveQuota',
        src: 'reserveQuota',
        input: ({ context: { purpose, seconds, provided } }) => ({
          purpose,
          seconds,
          isGenerated: provided === null,
        }),
        onDone: [
          {
            guard: 'isProvided',
            target: 'checkingMedia',
            actions: ['recordSuccess', assign({ reserved: true, media: ({ context }) => context.provided })],
          },
          {
            target: 'generating',
            actions: [
              'recordSuccess',
              assign({
                reserved: true,
                progress: ({ context }) => ({ completed: 0, total: context.scenes, unit: 'scenes' }),
              }),
            ],
          },
        ],
        onError: [
          {
            guard: { type: 'isError', params: 'needsPerson' },
            target: 'waitingForQuota',
            actions: 'recordFailure',
          },
          ...onStepError('#job.backingOff'),
        ],
      },
    },
    /** Polls, and retries at once when quota is granted. */
    waitingForQuota: {
      tags: 'waiting',
      after: { quotaPoll: [...resumeReserving] },
      on: { quotaGranted: [...resumeReserving], retry: [...resumeReserving] },
    },
    generating,
    storing: {
      tags: 'working',
      invoke: {
        id: 'storeVideo',
        src: 'storeVideo',
        input: ({ context }) => ({ ...slotInput(context), clips: context.clips }),
        onDone: {
          target: 'checkingMedia',
          actions: ['recordSuccess', assign({ media: ({ event }) => event.output.media, progress: null })],
        },
        onError: [...onStepError('#job.backingOff')],
      },
    },
    checkingMedia: {
      tags: 'working',
      invoke: {
        id: 'checkMedia',
        src: 'checkMedia',
        input: ({ context }) => ({ ...slotInput(context), media: mediaOf(context) }),
        onDone: [
          {
            guard: 'isPreview',
            target: 'closing',
            actions: ['recordSuccess', assign({ checked: true }), { type: 'setEnding', params: 'rendered' }],
          },
          { target: 'awaitingSlot', actions: ['recordSuccess', assign({ checked: true })] },
        ],
        onError: [...onStepError('#job.backingOff')],
      },
    },
    awaitingSlot: {
      tags: 'waiting',
      after: { untilSlot: 'publishing' },
      on: {
        slotMoved: {
          guard: 'hasNoPostBegun',
          target: 'awaitingSlot',
          reenter: true,
          actions: 'updatePublishAt',
        },
      },
    },
    publishing,
    watching,
    /** Routes a job to the state that follows from its context. Transient: a checkpoint never holds it. */
    resuming: {
      always: [
        { guard: 'isEnding', target: 'closing' },
        {
          guard: 'isCancelRequested',
          target: 'closing',
          actions: { type: 'setEnding', params: 'cancelled' },
        },
        { guard: 'isPauseRequested', target: 'paused', actions: 'clearPendingRequest' },
        // More bytes may have arrived than were acknowledged: a post that may appear is not called late.
        {
          guard: 'missedSlotWithOpenPost',
          target: 'publishing.reconciling',
          actions: assign({ outcomeUnknown: true }),
        },
        { guard: 'missedSlot', target: 'needsPerson', actions: 'recordSlotPassed' },
        { guard: 'isSent', target: 'watching.accepted' },
        { guard: 'isOutcomeUnknown', target: 'publishing.reconciling' },
        { guard: 'hasPost', target: 'publishing.uploading' },
        { guard: 'isMediaChecked', target: 'awaitingSlot' },
        { guard: 'hasMedia', target: 'checkingMedia' },
        { guard: 'hasAllClips', target: 'storing' },
        { guard: 'hasClip', target: 'generating.checking' },
        { guard: 'isQuotaReserved', target: 'generating.submitting' },
        { guard: 'isOpened', target: 'reservingQuota' },
        { target: 'queued' },
      ],
    },
    backingOff: { tags: 'waiting', after: { backoff: 'resuming' } },
    ...suspended,
    ...ending,
    cancelled: { tags: 'final', type: 'final' },
    failed: { tags: 'final', type: 'final' },
  },
})
