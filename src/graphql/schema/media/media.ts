import { deletionGraceMs } from '../../../../machines/media.ts'
import type { MediaRecord } from '../../../store/media/media.ts'
import type { Preview } from '../../../store/media/tables.ts'
import { mediaExpiry, signMediaToken } from '../../../vault/media-token.ts'
import type { Context } from '../../server/context.ts'
import { builder } from '../builder.ts'
import { Failure } from '../failure.ts'
import { ApiKey, Media } from '../ref.ts'
import {
  contextOfMedia,
  eventsOfMedia,
  type MediaState as MediaStateName,
  mediaStateOf,
} from './media-view.ts'

const states: Readonly<Record<MediaStateName, { readonly description: string }>> = {
  UPLOADING: { description: 'Bytes arrive. An upload that is not complete within a day expires.' },
  CHECKING: { description: 'The file is stored and is being checked, and its poster is made.' },
  READY: { description: 'Posts may use it.' },
  REFUSED: { description: 'TikTok would not accept it. `failure` says why and what to do.' },
  CONVERTING: { description: 'The file is being converted into one that TikTok accepts.' },
  DELETED: { description: 'It was deleted. Until its files are removed it can be restored.' },
  EXPIRED: { description: 'The upload was not completed.' },
  DUPLICATE: { description: 'Its content was here already: use `duplicateOf` instead.' },
}
export const MediaState = builder.enumType('MediaState', {
  description: 'The state of a media.',
  values: states,
})

export const MediaOrigin = builder.enumType('MediaOrigin', {
  description: 'Where a media comes from.',
  values: {
    UPLOADED: { value: 'uploaded', description: 'A client uploaded it.' },
    GENERATED: { value: 'generated', description: 'A job made it from a storyboard.' },
  } as const,
})

export const MediaKind = builder.enumType('MediaKind', {
  description: 'What a media is.',
  values: {
    VIDEO: { value: 'video', description: 'A video, with or without sound.' },
    IMAGE: { value: 'image', description: 'A picture.' },
    AUDIO: { value: 'audio', description: 'A sound.' },
  } as const,
})

const Remedy = builder.enumType('MediaRemedy', {
  description: 'What a conversion changes about a file.',
  values: {
    CONTAINER: { value: 'container', description: 'It becomes an MP4.' },
    VIDEO_CODEC: { value: 'videoCodec', description: 'The picture becomes H.264.' },
    AUDIO_CODEC: { value: 'audioCodec', description: 'The sound becomes AAC.' },
    AUDIO_MISSING: { value: 'audioMissing', description: 'It gets a silent sound track.' },
    ROTATION: {
      value: 'rotation',
      description: 'The picture is turned upright instead of being marked as rotated.',
    },
    SIZE: { value: 'size', description: 'Its sides become even and at most 4096 pixels.' },
    FRAME_RATE: { value: 'frameRate', description: 'Its frame rate becomes a constant 30 or 60.' },
    INDEX_AT_END: {
      value: 'indexAtEnd',
      description: 'Its index moves to the front, so that players begin at once.',
    },
  } as const,
})

const Thumbnail = builder
  .objectRef<Pick<Preview, 'atSeconds' | 'width' | 'height'> & { readonly url: string }>('MediaThumbnail')
  .implement({
    description: 'A small still picture of a video.',
    authScopes: { read: true },
    fields: (t) => ({
      url: t.exposeString('url', {
        description: 'The signed address of the picture, a JPEG. It expires like `Media.url`.',
      }),
      atSeconds: t.exposeFloat('atSeconds', {
        description: 'The time of the picture in the video, in seconds.',
      }),
      width: t.exposeInt('width', { description: 'The width, in pixels.' }),
      height: t.exposeInt('height', { description: 'The height, in pixels.' }),
    }),
  })

const untilChecked = 'Null until the file was checked.'

builder.node(Media, {
  description:
    'A video, picture or sound in the media library: uploaded, or made by a job. The same content is stored once. An uploaded media is an instance of the media machine.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    origin: t.expose('origin', { type: MediaOrigin, description: 'Where the media comes from.' }),
    kind: t.expose('kind', { type: MediaKind, description: 'What the media is.' }),
    title: t.exposeString('title', {
      description: 'The title that people gave it, or the name of the uploaded file; may be empty.',
    }),
    tags: t.stringList({ description: 'The tags that people gave it.', resolve: ({ tags }) => [...tags] }),
    state: t.field({
      type: MediaState,
      description: 'The state of the media. `stateMachine(name: "media")` describes all states.',
      resolve: ({ state }) => mediaStateOf(state),
    }),
    availableEvents: t.stringList({
      description:
        'The events that a client may send to the media now: `delete`, `restore`, `recheck` or `convert`, each by a mutation such as `deleteMedia`.',
      resolve: (media) => [...eventsOfMedia(media)],
    }),
    failure: t.field({
      type: Failure,
      nullable: true,
      description: 'Why the media was refused, or the last failure; null once a later step has succeeded.',
      resolve: (media) => contextOfMedia(media).failure,
    }),
    remedies: t.field({
      type: [Remedy],
      description:
        'What `convertMedia` would change about the file; empty if there is nothing to change, or nothing would help.',
      resolve: (media) => [...(contextOfMedia(media).remedies ?? [])],
    }),
    url: t.string({
      nullable: true,
      description:
        'The signed address of the file, for `<video src>` in any page: it needs no API key and supports range requests. It expires after one to two hours; query it again then. Null while there is no file, and once the media is deleted.',
      resolve: (media, _args, context) => (isServed(media) ? addressOf(context, media, 'file') : null),
    }),
    posterUrl: t.string({
      nullable: true,
      description:
        'The signed address of a still picture of the video, a JPEG, for `<img src>` in any page. It expires like `url`. Null without one: `failure` may say why.',
      resolve: (media, _args, context) =>
        isServed(media) && media.previews.length > 0 ? addressOf(context, media, 'poster') : null,
    }),
    thumbnails: t.field({
      type: [Thumbnail],
      description:
        'Three small pictures of the video, from its first, second and third quarter; empty without any.',
      resolve: (media, _args, context) =>
        isServed(media)
          ? media.previews.slice(1).map((preview, index) => ({
              ...preview,
              url: addressOf(context, media, `thumbnail-${index + 1}`),
            }))
          : [],
    }),
    sha256: t.exposeString('sha256', {
      nullable: true,
      description: 'The SHA-256 hash of the content, in hexadecimal. Null while there is no file.',
    }),
    sizeBytes: t.field({
      type: 'SafeInt',
      nullable: true,
      description:
        'The size of the file, in bytes; of an unfinished upload, the announced size. Null after it was removed.',
      resolve: ({ bytes, declaredBytes, state }) => bytes ?? (state === 'uploading' ? declaredBytes : null),
    }),
    contentType: t.exposeString('contentType', {
      nullable: true,
      description: `The media type of the file, such as \`video/mp4\`, by its content. ${untilChecked}`,
    }),
    durationSeconds: t.exposeFloat('seconds', {
      nullable: true,
      description: `The duration, in seconds. ${untilChecked} Null for pictures.`,
    }),
    width: t.exposeInt('width', {
      nullable: true,
      description: `The width as displayed, in pixels. ${untilChecked} Null for sounds.`,
    }),
    height: t.exposeInt('height', {
      nullable: true,
      description: `The height as displayed, in pixels. ${untilChecked} Null for sounds.`,
    }),
    frameRate: t.exposeFloat('frameRate', {
      nullable: true,
      description: `The mean frame rate, in frames per second. ${untilChecked} Null where it was not measured.`,
    }),
    container: t.exposeString('container', {
      nullable: true,
      description: `The container, such as \`mp4\`, \`mov\` or \`webm\`. ${untilChecked}`,
    }),
    videoCodec: t.exposeString('videoCodec', {
      nullable: true,
      description: `The codec of the video track, such as \`h264\`. ${untilChecked} Null without one.`,
    }),
    audioCodec: t.exposeString('audioCodec', {
      nullable: true,
      description: `The codec of the audio track, such as \`aac\`. ${untilChecked} Null without one.`,
    }),
    duplicateOf: t.field({
      type: Media,
      nullable: true,
      description: 'The media that had the same content already; null unless the state is DUPLICATE.',
      resolve: ({ duplicateOf }, _args, { load }) =>
        duplicateOf === null ? null : load.media.load(duplicateOf),
    }),
    addedBy: t.field({
      type: ApiKey,
      nullable: true,
      description: 'The API key that added it; null if a job made it.',
      resolve: ({ addedBy }, _args, { load }) => (addedBy === null ? null : load.apiKey.load(addedBy)),
    }),
    deletedAt: t.expose('deletedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was deleted; null if it was not.',
    }),
    restorableUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Until when a deleted media can be restored. Its files are removed then. Null if it was not deleted.',
      resolve: ({ deletedAt }) => deletedAt && new Date(deletedAt.getTime() + deletionGraceMs),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was added.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
  }),
})

/** The address of a file of a media, for everybody who has it, until it expires. */
function addressOf({ origin, signer }: Context, media: MediaRecord, variant: string): string {
  const { organizationId, id: mediaId } = media
  const token = signMediaToken(signer, { organizationId, mediaId, variant }, mediaExpiry(Date.now()))
  return `${origin}/media/${mediaId}/${variant}?token=${token}`
}

function isServed({ sha256, contentType, deletedAt }: MediaRecord): boolean {
  return sha256 !== null && contentType !== null && deletedAt === null
}
