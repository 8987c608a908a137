import { assign, setup } from 'xstate'

export interface PlanContext {
  /** Whether the scan may start jobs for this plan's slots. */
  readonly autopilot: boolean
  /** Whether the plan refuses edits, and its slots are skipped by the scan. */
  readonly locked: boolean
  /** The number of slots. An empty plan cannot be submitted. */
  readonly slots: number
}

export type PlanEvent =
  | { readonly type: 'edit' }
  | { readonly type: 'submit' }
  | { readonly type: 'approve' }
  | { readonly type: 'reject' }
  | { readonly type: 'lock' }
  | { readonly type: 'unlock' }
  | { readonly type: 'setAutopilot'; readonly on: boolean }
  | { readonly type: 'archive' }

/**
 * A plan's lifecycle. Only people send its events. `edit` stands for every change of the plan or its slots; editing an
 * approved plan withdraws the approval, because what was approved is no longer what would be posted.
 */
export const planLogic = setup({
  types: {
    context: {} as PlanContext,
    events: {} as PlanEvent,
    input: {} as Partial<PlanContext>,
    tags: {} as 'resting' | 'final',
  },
  guards: {
    hasSlots: ({ context }) => context.slots > 0,
    isOpen: ({ context }) => !context.locked,
    isLocked: ({ context }) => context.locked,
  },
}).createMachine({
  id: 'plan',
  context: ({ input }) => ({ autopilot: false, locked: false, slots: 0, ...input }),
  initial: 'draft',
  on: {
    lock: { guard: 'isOpen', actions: assign({ locked: true }) },
    unlock: { guard: 'isLocked', actions: assign({ locked: false }) },
    setAutopilot: { guard: 'isOpen', actions: assign({ autopilot: ({ event }) => event.on }) },
    archive: '.archived',
  },
  states: {
    draft: {
      tags: 'resting',
      on: {
        edit: { guard: 'isOpen', target: 'draft' },
        submit: { guard: 'hasSlots', target: 'inReview' },
      },
    },
    inReview: {
      tags: 'resting',
      on: {
        edit: { guard: 'isOpen', target: 'draft' },
        approve: 'approved',
        reject: 'draft',
      },
    },
    approved: {
      tags: 'resting',
      on: { edit: { guard: 'isOpen', target: 'draft' } },
    },
    archived: { tags: 'final', type: 'final' },
  },
})
