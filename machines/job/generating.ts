import { assign } from 'xstate'
import { missing, renderProgress, slotInput } from './facts.ts'
import { jobSetup, maxClipAttempts } from './setup.ts'
import { deferRequests, onStepError } from './shared-transitions.ts'

/** For each scene: submit, poll, store. Each clip is paid for once. */
export const generating = jobSetup.createStateConfig({
  initial: 'submitting',
  states: {
    /** Entering this state records the intent: from now on a clip may be paid for. */
    submitting: {
      tags: 'working',
      on: deferRequests,
      invoke: {
        id: 'submitClip',
        src: 'submitClip',
        input: ({ context }) => ({
          ...slotInput(context),
          scene: context.clips.length,
          attempt: context.clipAttempt,
        }),
        onDone: [
          {
            guard: 'hasPendingRequest',
            target: '#job.resuming',
            actions: ['recordSuccess', assign({ clip: ({ event }) => event.output.clip })],
          },
          {
            target: 'checking',
            actions: ['recordSuccess', assign({ clip: ({ event }) => event.output.clip })],
          },
        ],
        onError: [...onStepError('backingOff')],
      },
    },
    checking: {
      tags: 'working',
      invoke: {
        id: 'checkClip',
        src: 'checkClip',
        input: ({ context }) => ({
          clip: context.clip ?? missing('clip'),
          attempts: context.attempts,
        }),
        onDone: [
          {
            guard: ({ event }) => event.output.kind === 'running',
            target: 'rendering',
            actions: [
              'recordSuccess',
              assign(({ context, event }) =>
                event.output.kind === 'running'
                  ? {
                      pollAfterMs: event.output.pollAfterMs,
                      progress: renderProgress(context, event.output.progress),
                    }
                  : {},
              ),
            ],
          },
          // No `recordSuccess`: retries of `keepClip` pass through here, and their attempts keep counting.
          { guard: ({ event }) => event.output.kind === 'ready', target: 'keeping' },
          {
            guard: ({ context, event }) =>
              event.output.kind === 'broken' &&
              event.output.canRetry &&
              // A person's retry allows as many attempts again.
              context.clipAttempt % maxClipAttempts !== 0,
            target: 'backingOff',
            actions: ['recordRejection', 'discardClip'],
          },
          // A person can fix the scene or the provider; the retry submits a new clip and keeps the stored ones.
          { target: '#job.needsPerson', actions: ['recordRejection', 'discardClip'] },
        ],
        onError: [...onStepError('backingOff')],
      },
    },
    /** The provider renders; no worker or lease is held meanwhile. */
    rendering: {
      tags: 'waiting',
      after: { clipPoll: [{ guard: 'missedSlot', target: '#job.resuming' }, { target: 'checking' }] },
    },
    keeping: {
      tags: 'working',
      invoke: {
        id: 'keepClip',
        src: 'keepClip',
        input: ({ context }) => ({
          clip: context.clip ?? missing('clip'),
          attempts: context.attempts,
        }),
        onDone: {
          target: 'kept',
          actions: [
            'recordSuccess',
            assign(({ context, event }) => ({
              clips: [...context.clips, event.output.kept],
              clip: null,
              clipAttempt: 1,
              progress: {
                completed: context.clips.length + 1,
                total: context.scenes,
                unit: 'scenes' as const,
              },
            })),
          ],
        },
        onError: [...onStepError('backingOff')],
      },
    },
    /** Transient: the next scene, or all clips are stored. */
    kept: { always: [{ guard: 'hasAllClips', target: '#job.storing' }, { target: 'submitting' }] },
    backingOff: { tags: 'waiting', after: { backoff: '#job.resuming' } },
  },
})
