import { coverOf } from '../../../commands/plan/cover.ts'
import type { MediaRecord } from '../../../store/media/media.ts'
import { listDecisions } from '../../../store/plan/scans.ts'
import { listSlots } from '../../../store/plan/slots.ts'
import { builder } from '../builder.ts'
import { connectionOf } from '../connection.ts'
import { ScanDecisionConnection, SlotConnection } from '../connection-type.ts'
import { Job, Media, Plan, ScanDecision, Slot } from '../ref.ts'

export const Privacy = builder.enumType('Privacy', {
  description: "Who can see a post, in TikTok's terms.",
  values: {
    PUBLIC_TO_EVERYONE: { description: 'Everyone.' },
    MUTUAL_FOLLOW_FRIENDS: { description: 'Followers of the creator whom the creator follows back.' },
    FOLLOWER_OF_CREATOR: { description: "The creator's followers." },
    SELF_ONLY: { description: 'Only the creator.' },
  } as const,
})

export const Mode = builder.enumType('SlotMode', {
  description: 'How a video is delivered to TikTok.',
  values: {
    DIRECT: { value: 'direct', description: 'The video is published directly.' },
    DRAFT: {
      value: 'draft',
      description:
        "The video is uploaded to the creator's inbox as a draft. The creator edits and posts it in the app.",
    },
  } as const,
})

const StoryboardContent = builder
  .objectRef<{ readonly storyboard: object | null }>('StoryboardContent')
  .implement({
    description: 'A storyboard, from which the job of the slot makes the video.',
    authScopes: { read: true },
    fields: (t) => ({
      storyboard: t.field({
        type: 'JSON',
        description: 'The scenes of the video and their style, with all defaults filled in.',
        resolve: ({ storyboard }) => storyboard ?? {},
      }),
    }),
  })
const MediaContent = builder.objectRef<MediaRecord>('MediaContent').implement({
  description: 'A media of the library, which is posted without changes.',
  authScopes: { read: true },
  fields: (t) => ({
    media: t.field({ type: Media, description: 'The media.', resolve: (media) => media }),
  }),
})
const SlotContent = builder.unionType('SlotContent', {
  description: 'What a post shows.',
  types: [StoryboardContent, MediaContent],
  resolveType: (content) => ('storyboard' in content ? StoryboardContent : MediaContent),
})

builder.node(Slot, {
  description: 'One planned post. Its job shows what became of it.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    wallTime: t.expose('wallTime', {
      type: 'LocalDateTime',
      description: "When to publish, as wall time in the plan's time zone.",
    }),
    publishAt: t.expose('publishAt', {
      type: 'DateTime',
      description: 'When to publish, as an instant.',
    }),
    content: t.field({
      type: SlotContent,
      nullable: true,
      description: 'What the post shows; null if it is a media that no longer exists.',
      resolve: ({ storyboard, mediaId }, _args, { load }) =>
        mediaId === null ? { storyboard } : load.media.load(mediaId),
    }),
    storyboard: t.expose('storyboard', {
      type: 'JSON',
      nullable: true,
      description: 'The content of the video, with all defaults filled in; null if the slot posts a media.',
      deprecationReason: 'Use `content`, which shows a media, too.',
    }),
    mode: t.expose('mode', { type: Mode, description: 'How the video is delivered to TikTok.' }),
    caption: t.exposeString('caption', { description: 'The caption of the post; empty for a draft.' }),
    privacy: t.field({
      type: Privacy,
      description:
        'Who can see the post. SELF_ONLY for a draft, which only its creator sees until it is posted.',
      resolve: ({ privacy }) => privacy ?? 'SELF_ONLY',
    }),
    allowComment: t.exposeBoolean('allowComment', { description: 'Whether viewers may comment.' }),
    allowDuet: t.exposeBoolean('allowDuet', { description: 'Whether viewers may make duets.' }),
    allowStitch: t.exposeBoolean('allowStitch', { description: 'Whether viewers may make stitches.' }),
    brandContent: t.exposeBoolean('brandContent', { description: 'Whether the post is a paid partnership.' }),
    brandOrganic: t.exposeBoolean('brandOrganic', {
      description: "Whether the post promotes the creator's own business.",
    }),
    isAigc: t.boolean({
      description:
        'Whether TikTok labels the post as AI-generated. False for a draft of an uploaded video, whose creator says it in the app.',
      resolve: ({ isAigc }) => isAigc ?? false,
    }),
    coverTimestampMs: t.int({
      nullable: true,
      description:
        "The frame of the video that becomes the post's cover, in milliseconds from its start: the chosen one, or else the first frame whose caption is complete. Null for a draft, whose creator chooses it in the app.",
      resolve: (slot) => coverOf(slot),
    }),
    claimedAt: t.expose('claimedAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When a job claimed the slot; null if none has. A claimed slot accepts changes to its caption, cover, privacy and toggles only, until the post is opened. A change after its job was cancelled releases the slot.',
    }),
    plan: t.field({
      type: Plan,
      nullable: true,
      description: 'The plan of the slot; null if it no longer exists.',
      resolve: ({ planId }, _args, { load }) => load.plan.load(planId),
    }),
    job: t.field({
      type: Job,
      nullable: true,
      description:
        'The latest job of the slot. Null until one starts, and after the slot was changed following a cancellation.',
      resolve: ({ id }, _args, { load }) => load.jobOfSlot.load(id),
    }),
    decisions: t.connection(
      {
        type: ScanDecision,
        description: 'The decisions of scans about the slot, newest first.',
        resolve: ({ id }, args, { viewer, read }) =>
          connectionOf({ list: 'slotDecisions', of: id }, args, (page) =>
            read((tx) => listDecisions(tx, viewer.organizationId, { slotId: id }, page)),
          ),
      },
      ScanDecisionConnection,
    ),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the slot was added.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When the slot last changed.' }),
  }),
})

builder.objectField(Plan, 'slots', (t) =>
  t.connection(
    {
      type: Slot,
      description: 'The slots of the plan, earliest first.',
      resolve: ({ id }, args, { viewer, read }) =>
        connectionOf({ list: 'slots', of: id }, args, (page) =>
          read((tx) => listSlots(tx, viewer.organizationId, { planId: id }, page)),
        ),
    },
    SlotConnection,
  ),
)

builder.objectField(Media, 'slots', (t) =>
  t.connection(
    {
      type: Slot,
      description: 'The slots that post the media, earliest first.',
      resolve: ({ id }, args, { viewer, read }) =>
        connectionOf({ list: 'slots', of: id }, args, (page) =>
          read((tx) => listSlots(tx, viewer.organizationId, { mediaId: id }, page)),
        ),
    },
    SlotConnection,
  ),
)
