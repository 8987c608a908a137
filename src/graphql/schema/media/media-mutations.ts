import { deleteMedia, restoreMedia } from '../../../commands/media/delete-media.ts'
import { maxTagLength, maxTags, maxTitleLength, updateMedia } from '../../../commands/media/update-media.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import type { PayloadBuilder } from '../builder.ts'
import { MediaInUse, NotPermittedInState } from '../error.ts'
import { Media } from '../ref.ts'

interface MediaDone {
  readonly kind: 'done'
  readonly mediaId: string
}

const mediaField = (t: PayloadBuilder<MediaDone>) => ({
  media: t.field({
    type: Media,
    nullable: true,
    description: 'The media after the mutation; null if it no longer exists.',
    resolve: ({ mediaId }: MediaDone, _args, { load }) => load.media.load(mediaId),
  }),
})

defineMutation('updateMedia', {
  description: 'Changes the title or the tags of a media. Requires the write scope.',
  scope: 'write',
  input: {
    description: 'Input of `updateMedia`. What is omitted is not changed.',
    ids: { mediaId: ['Media'] },
    fields: (t) => ({
      mediaId: t.id({ required: true, description: 'The media.' }),
      title: t.string({ description: `The title, at most ${maxTitleLength} characters; may be empty.` }),
      tags: t.stringList({
        description: `All tags, at most ${maxTags}, each of 1 to ${maxTagLength} characters. They replace the tags that it has.`,
      }),
    }),
  },
  run: (tx, { mediaId, title = null, tags = null }, { viewer: { organizationId } }) =>
    updateMedia(tx, { organizationId, mediaId, title, tags }),
  payload: { description: 'The result of `updateMedia`.', fields: (t) => mediaField(t) },
})

defineMutation('deleteMedia', {
  description:
    'Deletes a media, or gives an unfinished upload up. Nothing can use it from now on. Its files are removed after seven days; until then it can be restored. Fails with MEDIA_IN_USE while a post needs it. Requires the write scope.',
  scope: 'write',
  errors: [NotPermittedInState, MediaInUse],
  input: {
    description: 'Input of `deleteMedia`.',
    ids: { mediaId: ['Media'] },
    fields: (t) => ({ mediaId: t.id({ required: true, description: 'The media to delete.' }) }),
  },
  run: (tx, { mediaId }, { deps, viewer: { organizationId } }) =>
    deleteMedia(tx, deps, { organizationId, mediaId }),
  payload: { description: 'The result of `deleteMedia`.', fields: (t) => mediaField(t) },
})

defineMutation('restoreMedia', {
  description:
    'Restores a deleted media whose files were not removed yet. Fails with NOT_PERMITTED_IN_STATE for another one. Requires the write scope.',
  scope: 'write',
  errors: [NotPermittedInState],
  input: {
    description: 'Input of `restoreMedia`.',
    ids: { mediaId: ['Media'] },
    fields: (t) => ({ mediaId: t.id({ required: true, description: 'The media to restore.' }) }),
  },
  run: (tx, { mediaId }, { deps, viewer: { organizationId } }) =>
    restoreMedia(tx, deps, { organizationId, mediaId }),
  payload: { description: 'The result of `restoreMedia`.', fields: (t) => mediaField(t) },
})
