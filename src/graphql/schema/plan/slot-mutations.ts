import { addSlots } from '../../../commands/plan/add-slots.ts'
import { removeSlot, updateSlot } from '../../../commands/plan/update-slot.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import { builder } from '../builder.ts'
import { NotPermittedInState, SlotClaimed } from '../error.ts'
import { encodeGlobalId } from '../global-id.ts'
import { Plan, Slot } from '../ref.ts'
import { heldJobsFields } from './held-jobs.ts'
import { Mode, Privacy } from './slot.ts'

const NewSlot = builder.inputType('NewSlotInput', {
  description: 'A slot to add.',
  fields: (t) => ({
    wallTime: t.field({
      type: 'LocalDateTime',
      required: true,
      description:
        "When to post, on the wall clock of the plan's zone. A time that the clocks skip in spring means as long after the gap as it lies in it; of one that occurs twice in autumn the first is meant.",
    }),
    storyboard: t.field({
      type: 'JSON',
      required: true,
      description: 'What the video shows: its scenes, and how they look.',
    }),
    mode: t.field({
      type: Mode,
      defaultValue: 'direct',
      required: true,
      description:
        'How the video comes to TikTok. What follows is for direct posts: of a draft its creator chooses all of it in the app.',
    }),
    caption: t.string({
      defaultValue: '',
      required: true,
      description: 'The text under the post, in at most 2,200 UTF-16 code units.',
    }),
    privacy: t.field({
      type: Privacy,
      description: 'Who may see the post. A direct post must say it: there is no default.',
    }),
    allowComment: t.boolean({
      defaultValue: false,
      required: true,
      description: 'Whether viewers may comment.',
    }),
    allowDuet: t.boolean({
      defaultValue: false,
      required: true,
      description: 'Whether viewers may make duets of it.',
    }),
    allowStitch: t.boolean({
      defaultValue: false,
      required: true,
      description: 'Whether viewers may stitch it.',
    }),
    brandContent: t.boolean({
      defaultValue: false,
      required: true,
      description: 'Whether it is a paid partnership.',
    }),
    brandOrganic: t.boolean({
      defaultValue: false,
      required: true,
      description: "Whether it promotes the creator's own business.",
    }),
    isAigc: t.boolean({
      defaultValue: true,
      required: true,
      description: 'Whether TikTok labels it as made by AI. What is generated must be.',
    }),
  }),
})

defineMutation('addSlots', {
  description: 'Adds slots, all of them or none. Takes an approval back.',
  scope: 'write',
  errors: [NotPermittedInState],
  input: {
    description: 'Slots to add to a plan.',
    ids: { planId: ['Plan'] },
    fields: (t) => ({
      planId: t.id({ required: true, description: 'The plan.' }),
      slots: t.field({ type: [NewSlot], required: true, description: '1 to 400 slots.' }),
    }),
  },
  run: (tx, { planId, slots: given }, { viewer: { organizationId } }) => {
    const slots = given.map((slot) => ({ ...slot, privacy: slot.privacy ?? null }))
    return addSlots(tx, { organizationId, planId, slots })
  },
  payload: {
    description: 'The slots that were added.',
    fields: (t) => ({
      plan: t.field({
        type: Plan,
        nullable: true,
        description: 'The plan as it is now.',
        resolve: ({ planId }, _args, { load }) => load.plan.load(planId),
      }),
      slots: t.field({
        type: [Slot],
        nullable: { list: false, items: true },
        description: 'The slots, in the order given; null for one that was removed since.',
        resolve: ({ slotIds }, _args, { load }) => slotIds.map((id) => load.slot.load(id)),
      }),
    }),
  },
})

defineMutation('updateSlot', {
  description:
    'Changes a slot; once a job has taken it up only its caption, privacy and toggles, until its post is opened. Once that job is cancelled all of it can be changed, for another job. Takes an approval of its plan back: its job is held until it is approved again.',
  scope: 'write',
  errors: [NotPermittedInState, SlotClaimed],
  input: {
    description: 'What to change about a slot; what is left out stays.',
    ids: { slotId: ['Slot'] },
    fields: (t) => ({
      slotId: t.id({ required: true, description: 'The slot.' }),
      wallTime: t.field({
        type: 'LocalDateTime',
        description: "When to post, on the wall clock of the plan's zone.",
      }),
      storyboard: t.field({ type: 'JSON', description: 'What the video shows.' }),
      mode: t.field({
        type: Mode,
        description:
          'How the video comes to TikTok. Made a draft, it loses what only direct posts have; made a direct post, it needs a privacy.',
      }),
      caption: t.string({ description: 'The text under the post.' }),
      privacy: t.field({ type: Privacy, description: 'Who may see the post.' }),
      allowComment: t.boolean({ description: 'Whether viewers may comment.' }),
      allowDuet: t.boolean({ description: 'Whether viewers may make duets of it.' }),
      allowStitch: t.boolean({ description: 'Whether viewers may stitch it.' }),
      brandContent: t.boolean({ description: 'Whether it is a paid partnership.' }),
      brandOrganic: t.boolean({ description: "Whether it promotes the creator's own business." }),
      isAigc: t.boolean({ description: 'Whether TikTok labels it as made by AI.' }),
    }),
  },
  run: (tx, { slotId, ...fields }, { deps, viewer: { organizationId } }) => {
    const given = withoutNulls(fields)
    const change = given.mode === 'draft' ? { ...draftSettings, ...given } : given
    return updateSlot(tx, deps, { organizationId, slotId, change })
  },
  payload: {
    description: 'The slot that was changed.',
    fields: (t) => ({
      ...heldJobsFields(t),
      slot: t.field({
        type: Slot,
        nullable: true,
        description: 'The slot as it is now.',
        resolve: ({ slotId }, _args, { load }) => load.slot.load(slotId),
      }),
    }),
  },
})

defineMutation('removeSlot', {
  description:
    'Removes a slot that no job has taken up, or whose job was cancelled. Takes an approval of its plan back.',
  scope: 'write',
  errors: [NotPermittedInState, SlotClaimed],
  input: {
    description: 'A slot to remove.',
    ids: { slotId: ['Slot'] },
    fields: (t) => ({
      slotId: t.id({ required: true, description: 'The slot.' }),
    }),
  },
  run: (tx, { slotId }, { viewer: { organizationId } }) => removeSlot(tx, { organizationId, slotId }),
  payload: {
    description: 'What is left after a slot was removed.',
    fields: (t) => ({
      removedSlotId: t.id({
        description: 'The slot that is no more.',
        resolve: ({ slotId }) => encodeGlobalId('Slot', slotId),
      }),
      plan: t.field({
        type: Plan,
        nullable: true,
        description: 'The plan as it is now.',
        resolve: ({ planId }, _args, { load }) => load.plan.load(planId),
      }),
    }),
  },
})

/** Of a draft its creator chooses all of this. */
const draftSettings = {
  caption: '',
  privacy: null,
  allowComment: false,
  allowDuet: false,
  allowStitch: false,
  brandContent: false,
  brandOrganic: false,
  isAigc: true,
} as const

/** Null and left out mean the same: no change. */
function withoutNulls<Fields extends object>(
  fields: Fields,
): { readonly [Key in keyof Fields]?: NonNullable<Fields[Key]> } {
  // Entries lose their types on the way.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null)) as {
    [Key in keyof Fields]?: NonNullable<Fields[Key]>
  }
}
