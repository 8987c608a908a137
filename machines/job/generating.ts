import { assign } from 'xstate'
import { jobSetup, missing, mostClipAttempts, ofSlot } from './setup.ts'
import { hearOut, otherwise } from './shared-transitions.ts'

/** Scene by scene: submit, ask, keep. Each clip is paid for once. */
export const generating = jobSetup.createStateConfig({
  initial: 'submitting',
  states: {
    /** Entering this state is the written intent: a clip may be paid for from here on. */
    submitting: {
      tags: 'working',
      on: hearOut,
      invoke: {
        id: 'submitClip',
        src: 'submitClip',
        input: ({ context }) => ({
          ...ofSlot(context),
          scene: context.clips.length,
          attempt: context.clipAttempt,
        }),
        onDone: [
          {
            guard: 'hasWish',
            target: '#job.choosing',
            actions: ['succeed', assign({ clip: ({ event }) => event.output.clip })],
          },
          { target: 'checking', actions: ['succeed', assign({ clip: ({ event }) => event.output.clip })] },
        ],
        onError: [...otherwise('backingOff')],
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
              'succeed',
              assign(({ context, event }) =>
                event.output.kind === 'running'
                  ? {
                      pollAfterMs: event.output.pollAfterMs,
                      progress: {
                        done: context.clips.length + event.output.progress,
                        of: context.scenes,
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
              event.output.again &&
              // A person who retries has the scene made as often again.
              context.clipAttempt % mostClipAttempts !== 0,
            target: 'backingOff',
            actions: ['reject', 'orderAnew'],
          },
          // What the scene lacks, or the provider, a person can mend: then it is ordered anew, and what is kept stays.
          { target: '#job.needsPerson', actions: ['reject', 'orderAnew'] },
        ],
        onError: [...otherwise('backingOff')],
      },
    },
    /** The provider is at it; nobody here holds anything meanwhile. */
    rendering: {
      tags: 'waiting',
      after: { clipPoll: [{ guard: 'missedItsTime', target: '#job.choosing' }, { target: 'checking' }] },
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
            'succeed',
            assign(({ context, event }) => ({
              clips: [...context.clips, event.output.kept],
              clip: null,
              clipAttempt: 1,
              progress: { done: context.clips.length + 1, of: context.scenes, unit: 'scenes' as const },
            })),
          ],
        },
        onError: [...otherwise('backingOff')],
      },
    },
    /** Passed through at once: the next scene, or all of them are there. */
    kept: { always: [{ guard: 'hasAllClips', target: '#job.storing' }, { target: 'submitting' }] },
    backingOff: { tags: 'waiting', after: { backoff: '#job.choosing' } },
  },
})
