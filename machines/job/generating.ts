import { assign } from 'xstate'
import { missing, slotInput } from './facts.ts'
import { jobSetup, maxClipAttempts } from './setup.ts'
import { deferRequests, onStepError } from './shared-transitions.ts'

/** Scene by scene: submit, ask, keep. Each clip is paid for once. */
export const generating = jobSetup.createStateConfig({
  initial: 'submitting',
  states: {
    /** Entering this state is the written intent: a clip may be paid for from here on. */
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
                      progress: {
                        completed: context.clips.length + event.output.progress,
                        total: context.scenes,
                        unit: 'scenes' as const,
                      },
                    }
                  : {},
              ),
            ],
          },
          // What was tried in vain may be the keeping, which comes by here again: its attempts are counted on.
          { guard: ({ event }) => event.output.kind === 'ready', target: 'keeping' },
          {
            guard: ({ context, event }) =>
              event.output.kind === 'broken' &&
              event.output.canRetry &&
              // A person who retries has the scene made as often again.
              context.clipAttempt % maxClipAttempts !== 0,
            target: 'backingOff',
            actions: ['recordRejection', 'discardClip'],
          },
          // What the scene lacks, or the provider, a person can mend: then it is ordered anew, and what is kept stays.
          { target: '#job.needsPerson', actions: ['recordRejection', 'discardClip'] },
        ],
        onError: [...onStepError('backingOff')],
      },
    },
    /** The provider is at it; nobody here holds anything meanwhile. */
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
    /** Passed through at once: the next scene, or all of them are there. */
    kept: { always: [{ guard: 'hasAllClips', target: '#job.storing' }, { target: 'submitting' }] },
    backingOff: { tags: 'waiting', after: { backoff: '#job.resuming' } },
  },
})
