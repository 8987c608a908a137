import { addSlots } from '../../../commands/plan/add-slots.ts'
import type { ContentInput } from '../../../commands/plan/slot-content.ts'
import { removeSlot, updateSlot } from '../../../commands/plan/update-slot.ts'
import { defaultPostSettings } from '../../../store/plan/slots.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import { builder } from '../builder.ts'
import { NotFound, NotPermittedInState, SlotClaimed } from '../error.ts'
import { decodeGlobalId, encodeGlobalId } from '../global-id.ts'
import { Plan, Slot } from '../ref.ts'
import { heldJobsFields } from './held-jobs.ts'
import { Mode, Privacy } from './slot.ts'

const Content = builder.inputType('SlotContentInput', {
  description: 'What a post shows: exactly one of these.',
  isOneOf: true,
  fields: (t) => ({
    storyboard: t.field({
      type: 'JSON',
      description: 'The scenes of a video and their style. The job makes the video.',
    }),
    mediaId: t.id({
      description:
        'A video of the library that is ready. It is posted without changes: nothing is generated, and no quota for videos is used.',
    }),
  }),
})

const NewSlot = builder.inputType('NewSlotInput', {
  description: 'A slot to add.',
  fields: (t) => ({
    wallTime: t.field({
      type: 'LocalDateTime',
      required: true,
      description:
        "When to publish, as wall time in the plan's time zone. A time that daylight saving skips is moved past the gap; of a time that occurs twice, the first is used.",
    }),
    content: t.field({
      type: Content,
      description: 'What the post shows: a storyboard, from which the video is made, or a media. Required.',
    }),
    storyboard: t.field({
      type: 'JSON',
      description: 'The content of the video: its scenes and their style. Instead of `content`.',
      deprecationReason: 'Use `content`, which takes a media, too.',
    }),
    mode: t.field({
      type: Mode,
      defaultValue: defaultPostSettings.mode,
      required: true,
      description:
        'How the video is delivered to TikTok. The fields below apply to DIRECT only; for a draft the creator chooses them in the app.',
    }),
    caption: t.string({
      defaultValue: defaultPostSettings.caption,
      required: true,
      description: 'The caption of the post, at most 2,200 UTF-16 code units.',
    }),
    privacy: t.field({
      type: Privacy,
      description: 'Who can see the post. Required for DIRECT.',
    }),
    allowComment: t.boolean({
      defaultValue: defaultPostSettings.allowComment,
      required: true,
      description: 'Whether viewers may comment.',
    }),
    allowDuet: t.boolean({
      defaultValue: defaultPostSettings.allowDuet,
      required: true,
      description: 'Whether viewers may make duets.',
    }),
    allowStitch: t.boolean({
      defaultValue: defaultPostSettings.allowStitch,
      required: true,
      description: 'Whether viewers may make stitches.',
    }),
    brandContent: t.boolean({
      defaultValue: defaultPostSettings.brandContent,
      required: true,
      description: 'Whether the post is a paid partnership.',
    }),
    brandOrganic: t.boolean({
      defaultValue: defaultPostSettings.brandOrganic,
      required: true,
      description: "Whether the post promotes the creator's own business.",
    }),
    isAigc: t.boolean({
      description:
        'Whether TikTok labels the post as AI-generated. The default and only value of a generated video is true. Required for a direct post of an uploaded video: only you know who made it.',
    }),
    coverTimestampMs: t.int({
      description:
        "The frame of the video that becomes the post's cover, in milliseconds from its start. Default: the first frame whose caption is complete.",
    }),
  }),
})

defineMutation('addSlots', {
  description:
    'Adds slots to a plan, all or none. Returns an approved plan to DRAFT. Fails with NOT_PERMITTED_IN_STATE if the plan is locked or archived.',
  scope: 'write',
  errors: [NotPermittedInState],
  input: {
    description: 'Input of `addSlots`.',
    ids: { planId: ['Plan'] },
    fields: (t) => ({
      planId: t.id({ required: true, description: 'The plan to add the slots to.' }),
      slots: t.field({ type: [NewSlot], required: true, description: 'The slots to add, 1 to 400.' }),
    }),
  },
  run: (tx, { planId, slots: given }, { viewer: { organizationId } }) => {
    const slots = given.map(({ storyboard, content, ...slot }, index) => ({
      ...slot,
      content: contentOf({ storyboard, content }, `slots.${index}.`),
      privacy: slot.privacy ?? null,
      isAigc: slot.isAigc ?? null,
      coverTimestampMs: slot.coverTimestampMs ?? null,
    }))
    return addSlots(tx, { organizationId, planId, slots })
  },
  payload: {
    description: 'The result of `addSlots`.',
    fields: (t) => ({
      plan: t.field({
        type: Plan,
        nullable: true,
        description: 'The plan after the mutation; null if it no longer exists.',
        resolve: ({ planId }, _args, { load }) => load.plan.load(planId),
      }),
      slots: t.field({
        type: [Slot],
        nullable: { list: false, items: true },
        description: 'The added slots in input order; null for a slot that was removed meanwhile.',
        resolve: ({ slotIds }, _args, { load }) => slotIds.map((id) => load.slot.load(id)),
      }),
    }),
  },
})

defineMutation('updateSlot', {
  description:
    "Changes a slot. Once a job has claimed it, only its caption, cover, privacy and toggles can be changed, and only until its post is opened; after its job was cancelled, everything can. Returns an approved plan to DRAFT, which holds the slot's job until the plan is approved again.",
  scope: 'write',
  errors: [NotPermittedInState, SlotClaimed],
  input: {
    description: 'Input of `updateSlot`. Omitted fields stay unchanged.',
    ids: { slotId: ['Slot'] },
    fields: (t) => ({
      slotId: t.id({ required: true, description: 'The slot to update.' }),
      wallTime: t.field({
        type: 'LocalDateTime',
        description: "When to publish, as wall time in the plan's time zone.",
      }),
      content: t.field({
        type: Content,
        description:
          'What the post shows: a storyboard or a media. `isAigc` is to be stated again with an uploaded video.',
      }),
      storyboard: t.field({
        type: 'JSON',
        description: 'The content of the video. Instead of `content`.',
        deprecationReason: 'Use `content`, which takes a media, too.',
      }),
      mode: t.field({
        type: Mode,
        description:
          'How the video is delivered to TikTok. DRAFT resets the fields that only direct posts have; DIRECT requires a privacy.',
      }),
      caption: t.string({ description: 'The caption of the post, at most 2,200 UTF-16 code units.' }),
      privacy: t.field({ type: Privacy, description: 'Who can see the post.' }),
      allowComment: t.boolean({ description: 'Whether viewers may comment.' }),
      allowDuet: t.boolean({ description: 'Whether viewers may make duets.' }),
      allowStitch: t.boolean({ description: 'Whether viewers may make stitches.' }),
      brandContent: t.boolean({ description: 'Whether the post is a paid partnership.' }),
      brandOrganic: t.boolean({ description: "Whether the post promotes the creator's own business." }),
      isAigc: t.boolean({
        description:
          'Whether TikTok labels the post as AI-generated. A generated video always is. Stated for a video that was uploaded.',
      }),
      coverTimestampMs: t.int({
        description: "The frame of the video that becomes the post's cover, in milliseconds from its start.",
      }),
    }),
  },
  run: (tx, { slotId, ...fields }, { deps, viewer: { organizationId } }) => {
    const { storyboard, content, ...given } = withoutNulls(fields)
    const isSame = storyboard === undefined && content === undefined
    const change = {
      ...(given.mode === 'draft' && defaultPostSettings),
      ...given,
      ...(!isSame && { content: contentOf({ storyboard, content }) }),
    }
    return updateSlot(tx, deps, { organizationId, slotId, change })
  },
  payload: {
    description: 'The result of `updateSlot`.',
    fields: (t) => ({
      ...heldJobsFields(t),
      slot: t.field({
        type: Slot,
        nullable: true,
        description: 'The slot after the mutation; null if it no longer exists.',
        resolve: ({ slotId }, _args, { load }) => load.slot.load(slotId),
      }),
    }),
  },
})

defineMutation('removeSlot', {
  description:
    'Removes a slot that no job has claimed, or whose job was cancelled. Returns an approved plan to DRAFT. Fails with SLOT_CLAIMED otherwise.',
  scope: 'write',
  errors: [NotPermittedInState, SlotClaimed],
  input: {
    description: 'Input of `removeSlot`.',
    ids: { slotId: ['Slot'] },
    fields: (t) => ({
      slotId: t.id({ required: true, description: 'The slot to remove.' }),
    }),
  },
  run: (tx, { slotId }, { viewer: { organizationId } }) => removeSlot(tx, { organizationId, slotId }),
  payload: {
    description: 'The result of `removeSlot`.',
    fields: (t) => ({
      removedSlotId: t.id({
        description: 'The global id of the removed slot.',
        resolve: ({ slotId }) => encodeGlobalId('Slot', slotId),
      }),
      plan: t.field({
        type: Plan,
        nullable: true,
        description: 'The plan after the mutation; null if it no longer exists.',
        resolve: ({ planId }, _args, { load }) => load.plan.load(planId),
      }),
    }),
  },
})

/** The content that a client gave, in either of its two fields. `path` is the slot's, with a dot at its end. */
function contentOf(
  given: {
    readonly storyboard?: unknown
    readonly content?:
      | { readonly storyboard?: unknown; readonly mediaId?: string | number | null }
      | null
      | undefined
  },
  path = '',
): ContentInput {
  const { storyboard = null, content = null } = given
  if (content === null)
    return storyboard === null ? { kind: 'none' } : { kind: 'storyboard', path: 'storyboard', storyboard }
  if (storyboard !== null) return { kind: 'both' }
  if (content.mediaId == null)
    return { kind: 'storyboard', path: 'content.storyboard', storyboard: content.storyboard }
  const id = decodeGlobalId(String(content.mediaId))
  if (id?.name !== 'Media') throw new NotFound(`${path}content.mediaId`)
  return { kind: 'media', mediaId: id.id }
}

/** Null and left out mean the same: no change. */
function withoutNulls<Fields extends object>(
  fields: Fields,
): { readonly [Key in keyof Fields]?: NonNullable<Fields[Key]> } {
  // Entries lose their types on the way.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null)) as {
    [Key in keyof Fields]?: NonNullable<Fields[Key]>
  }
}
