import { listMedia } from '../../../store/media/media.ts'
import { builder } from '../builder.ts'
import { connectionOf } from '../connection.ts'
import { MediaConnection } from '../connection-type.ts'
import { Media } from '../ref.ts'
import { MediaKind, MediaOrigin, MediaState } from './media.ts'
import { pathsOfStates } from './media-view.ts'

const MediaFilter = builder.inputType('MediaFilter', {
  description: 'A filter for media. All conditions must hold.',
  fields: (t) => ({
    states: t.field({
      type: [MediaState],
      description: 'Only media in one of these states. Default: all but DELETED, EXPIRED and DUPLICATE.',
    }),
    kinds: t.field({ type: [MediaKind], description: 'Only media of these kinds.' }),
    origin: t.field({ type: MediaOrigin, description: 'Only media that come from there.' }),
    tags: t.stringList({ description: 'Only media that have all of these tags.' }),
    text: t.string({ description: 'Only media whose title contains this text, in upper or lower case.' }),
  }),
})

builder.queryField('media', (t) =>
  t.connection(
    {
      type: Media,
      description: 'The media library, newest first.',
      authScopes: { read: true },
      args: { filter: t.arg({ type: MediaFilter, description: 'A filter for media.' }) },
      resolve: (_root, { filter, ...args }, { viewer, read }) =>
        connectionOf({ list: 'media', of: viewer.organizationId }, args, (page) =>
          read((db) =>
            listMedia(
              db,
              viewer.organizationId,
              {
                states: filter?.states == null ? null : pathsOfStates(filter.states),
                kinds: filter?.kinds ?? null,
                origin: filter?.origin ?? null,
                tags: filter?.tags ?? null,
                text: filter?.text ?? null,
              },
              page,
            ),
          ),
        ),
    },
    MediaConnection,
  ),
)
