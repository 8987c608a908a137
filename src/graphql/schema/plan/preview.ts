import { renderPreview } from '../../../commands/job/start-previews.ts'
import type { PreviewRecord } from '../../../store/plan/previews.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import { builder } from '../builder.ts'
import { NotPermittedInState, QuotaExceeded } from '../error.ts'
import { Job, Slot } from '../ref.ts'

const Preview = builder.objectRef<PreviewRecord>('Preview').implement({
  description: 'The video of a storyboard, rendered before the approval of its slot.',
  authScopes: { read: true },
  fields: (t) => ({
    job: t.field({
      type: Job,
      nullable: true,
      description:
        'The job that renders it, with its progress and failure; its `media` is the finished video.',
      resolve: ({ jobId }, _args, { load }) => load.job.load(jobId),
    }),
    isCurrent: t.exposeBoolean('isCurrent', {
      description:
        "Whether it shows the slot's present storyboard. Once rendered, a current preview is what the job of the slot posts, byte for byte.",
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the preview was started.' }),
  }),
})

builder.objectField(Slot, 'preview', (t) =>
  t.field({
    type: Preview,
    nullable: true,
    description: 'The latest preview of the slot; null if none was rendered.',
    resolve: ({ id }, _args, { load }) => load.previewOfSlot.load(id),
  }),
)

defineMutation('renderPreview', {
  description:
    "Renders the video of a slot's storyboard before its approval, by a job of its own, and reserves its quota. The job of the slot posts this video unless the storyboard changes. If a preview of the present storyboard exists, it is returned. Fails with NOT_PERMITTED_IN_STATE if the plan is archived.",
  scope: 'write',
  errors: [NotPermittedInState, QuotaExceeded],
  input: {
    description: 'Input of `renderPreview`.',
    ids: { slotId: ['Slot'] },
    fields: (t) => ({
      slotId: t.id({ required: true, description: 'The slot, whose content must be a storyboard.' }),
    }),
  },
  run: (tx, { slotId }, { deps, viewer: { organizationId } }) =>
    renderPreview(tx, deps, { organizationId, slotId }),
  payload: {
    description: 'The result of `renderPreview`.',
    fields: (t) => ({
      job: t.field({
        type: Job,
        nullable: true,
        description: 'The job that renders the preview; null if it no longer exists.',
        resolve: ({ jobId }, _args, { load }) => load.job.load(jobId),
      }),
      slot: t.field({
        type: Slot,
        nullable: true,
        description: 'The slot; null if it no longer exists.',
        resolve: ({ slotId }, _args, { load }) => load.slot.load(slotId),
      }),
    }),
  },
})
