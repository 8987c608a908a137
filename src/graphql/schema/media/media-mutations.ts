import {
  convertMedia,
  deleteMedia,
  recheckMedia,
  restoreMedia,
} from '../../../commands/media/change-media.ts'
import { createUpload, maxUploadBytes, uploadTypes } from '../../../commands/media/create-upload.ts'
import { maxTagLength, maxTags, maxTitleLength, updateMedia } from '../../../commands/media/update-media.ts'
import { signUploadToken } from '../../../vault/upload-token.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import type { PayloadBuilder } from '../builder.ts'
import { MediaInUse, NotPermittedInState, QuotaExceeded } from '../error.ts'
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

defineMutation('createUpload', {
  description:
    'Announces the upload of a video. Its bytes are then sent by the tus protocol: `endpoint` is `uploadUrl`, and the header `Authorization` is `Bearer` with `token`. Fails with QUOTA_EXCEEDED if the storageBytes quota has too little left. Requires the write scope.',
  scope: 'write',
  errors: [QuotaExceeded],
  input: {
    description: 'Input of `createUpload`.',
    fields: (t) => ({
      sizeBytes: t.field({
        type: 'SafeInt',
        required: true,
        description: `The size of the file, in bytes, at most ${maxUploadBytes}.`,
      }),
      contentType: t.string({
        required: true,
        description: `The media type of the file, one of ${uploadTypes.join(', ')}. The file is checked by its content.`,
      }),
      sha256: t.string({
        description:
          'The SHA-256 hash of the file, in lower-case hexadecimal. If the organization has this content, that media is returned and nothing is to be uploaded; otherwise other content is refused.',
      }),
      fileName: t.string({ description: 'The name of the file. It becomes the title if none is given.' }),
      title: t.string({ description: `The title, at most ${maxTitleLength} characters.` }),
      tags: t.stringList({
        description: `The tags, at most ${maxTags}, each of 1 to ${maxTagLength} characters.`,
      }),
    }),
  },
  run: (tx, { tags, ...input }, { deps, viewer: { organizationId, keyId } }) =>
    createUpload(tx, deps, {
      organizationId,
      sizeBytes: input.sizeBytes,
      contentType: input.contentType,
      sha256: input.sha256 ?? null,
      fileName: input.fileName ?? null,
      title: input.title ?? null,
      tags: tags ?? [],
      addedBy: keyId,
    }),
  redact: (outcome) => outcome, // The response holds the token, so it is not stored.
  payload: {
    description: 'The result of `createUpload`.',
    fields: (t) => ({
      media: t.field({
        type: Media,
        nullable: true,
        description:
          'The media, or the one that has the content with `sha256` already; null if it no longer exists.',
        resolve: ({ mediaId }, _args, { load }) => load.media.load(mediaId),
      }),
      uploadUrl: t.string({
        nullable: true,
        description: 'The address of the tus server. Null if nothing is to be uploaded.',
        resolve: ({ expiresAt }, _args, { origin }) => (expiresAt === null ? null : `${origin}/uploads`),
      }),
      token: t.string({
        nullable: true,
        description:
          'A bearer token that uploads this media and permits nothing else, so that a browser needs no API key. It ends with the API key that created it. Null if nothing is to be uploaded.',
        resolve: ({ mediaId, expiresAt }, _args, { signer, viewer: { organizationId, keyId } }) =>
          expiresAt === null
            ? null
            : signUploadToken(signer, { organizationId, mediaId, keyId }, Date.parse(expiresAt)),
      }),
      expiresAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When the upload and its token expire. Null if nothing is to be uploaded.',
        resolve: ({ expiresAt }) => (expiresAt === null ? null : new Date(expiresAt)),
      }),
    }),
  },
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

defineMutation('recheckMedia', {
  description:
    'Checks the file of a READY or REFUSED media again and makes its poster and thumbnails again, for example after the operator has installed ffmpeg. Fails with MEDIA_IN_USE while a post needs it. Requires the write scope.',
  scope: 'write',
  errors: [NotPermittedInState, MediaInUse],
  input: {
    description: 'Input of `recheckMedia`.',
    ids: { mediaId: ['Media'] },
    fields: (t) => ({ mediaId: t.id({ required: true, description: 'The media to check.' }) }),
  },
  run: (tx, { mediaId }, { deps, viewer: { organizationId } }) =>
    recheckMedia(tx, deps, { organizationId, mediaId }),
  payload: { description: 'The result of `recheckMedia`.', fields: (t) => mediaField(t) },
})

defineMutation('convertMedia', {
  description:
    'Converts the file of a media into an MP4 that TikTok accepts, as its `remedies` list; the result takes the place of the file and is checked. Fails with NOT_PERMITTED_IN_STATE if the media offers no conversion, and with MEDIA_IN_USE while a post needs it. Requires the write scope.',
  scope: 'write',
  errors: [NotPermittedInState, MediaInUse],
  input: {
    description: 'Input of `convertMedia`.',
    ids: { mediaId: ['Media'] },
    fields: (t) => ({ mediaId: t.id({ required: true, description: 'The media to convert.' }) }),
  },
  run: (tx, { mediaId }, { deps, viewer: { organizationId } }) =>
    convertMedia(tx, deps, { organizationId, mediaId }),
  payload: { description: 'The result of `convertMedia`.', fields: (t) => mediaField(t) },
})
