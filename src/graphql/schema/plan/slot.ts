import { listDecisions } from '../../../store/plan/scans.ts'
import { listSlots } from '../../../store/plan/slots.ts'
import { builder } from '../builder.ts'
import { connectionOf } from '../connection.ts'
import { ScanDecisionConnection, SlotConnection } from '../connection-type.ts'
import { Job, Plan, ScanDecision, Slot } from '../ref.ts'

export const Privacy = builder.enumType('Privacy', {
  description: "Who may see a post: TikTok's own words.",
  values: {
    PUBLIC_TO_EVERYONE: { description: 'Everyone.' },
    MUTUAL_FOLLOW_FRIENDS: { description: 'Those who follow the creator and are followed back.' },
    FOLLOWER_OF_CREATOR: { description: "The creator's followers." },
    SELF_ONLY: { description: 'Only the creator.' },
  } as const,
})

export const Mode = builder.enumType('SlotMode', {
  description: 'How a video comes to TikTok.',
  values: {
    DIRECT: { value: 'direct', description: 'It is posted as it is planned.' },
    DRAFT: {
      value: 'draft',
      description: "It is put as a draft into its creator's inbox, who writes the caption and posts it.",
    },
  } as const,
})

builder.node(Slot, {
  description: 'One intended post. What became of it is read from its job.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    wallTime: t.expose('wallTime', {
      type: 'LocalDateTime',
      description: "When to post, on the wall clock of the plan's zone.",
    }),
    publishAt: t.expose('publishAt', {
      type: 'DateTime',
      description: 'The instant that the wall time means.',
    }),
    storyboard: t.expose('storyboard', {
      type: 'JSON',
      description: 'What the video shows, with all defaults filled in.',
    }),
    mode: t.expose('mode', { type: Mode, description: 'How the video comes to TikTok.' }),
    caption: t.exposeString('caption', { description: 'The text under the post; empty for a draft.' }),
    privacy: t.field({
      type: Privacy,
      description:
        'Who may see the post. Of a draft `SELF_ONLY`: only its creator sees it, until they post it.',
      resolve: ({ privacy }) => privacy ?? 'SELF_ONLY',
    }),
    allowComment: t.exposeBoolean('allowComment', { description: 'Whether viewers may comment.' }),
    allowDuet: t.exposeBoolean('allowDuet', { description: 'Whether viewers may make duets of it.' }),
    allowStitch: t.exposeBoolean('allowStitch', { description: 'Whether viewers may stitch it.' }),
    brandContent: t.exposeBoolean('brandContent', { description: 'Whether it is a paid partnership.' }),
    brandOrganic: t.exposeBoolean('brandOrganic', {
      description: "Whether it promotes the creator's own business.",
    }),
    isAigc: t.exposeBoolean('isAigc', { description: 'Whether TikTok labels it as made by AI.' }),
    claimedAt: t.expose('claimedAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When a job took it up; from then on only what it says of its post can be changed, until that is opened. Null again once it was changed after its job was cancelled.',
    }),
    plan: t.field({
      type: Plan,
      nullable: true,
      description: 'The plan that it belongs to.',
      resolve: ({ planId }, _args, { load }) => load.plan.load(planId),
    }),
    job: t.field({
      type: Job,
      nullable: true,
      description:
        'The work for it, the last if it was started again; null until a scan or somebody starts it, and once it was changed after its job was cancelled.',
      resolve: ({ id }, _args, { load }) => load.jobOfSlot.load(id),
    }),
    decisions: t.connection(
      {
        type: ScanDecision,
        description: 'What scans decided about it, the newest first: why it did or did not run.',
        resolve: ({ id }, args, { viewer, read }) =>
          connectionOf({ list: 'slotDecisions', of: id }, args, (page) =>
            read((tx) => listDecisions(tx, viewer.organizationId, { slotId: id }, page)),
          ),
      },
      ScanDecisionConnection,
    ),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was added.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
  }),
})

builder.objectField(Plan, 'slots', (t) =>
  t.connection(
    {
      type: Slot,
      description: 'Its slots, the earliest first.',
      resolve: ({ id }, args, { viewer, read }) =>
        connectionOf({ list: 'slots', of: id }, args, (page) =>
          read((tx) => listSlots(tx, viewer.organizationId, id, page)),
        ),
    },
    SlotConnection,
  ),
)
