import type { KeptMedia } from '../../../../machines/job/context.ts'
import { builder } from '../builder.ts'

export const Media = builder.objectRef<KeptMedia>('Media').implement({
  description: 'A finished video, stored under the hash of its content.',
  authScopes: { read: true },
  fields: (t) => ({
    url: t.string({
      description:
        'The address of the video. It requires an API key, as this API does, and supports range requests.',
      resolve: ({ sha256 }, _args, { origin }) => `${origin}/media/${sha256}`,
    }),
    sha256: t.exposeString('sha256', { description: 'The SHA-256 hash of the content, in hexadecimal.' }),
    sizeBytes: t.expose('bytes', { type: 'SafeInt', description: 'The size, in bytes.' }),
    durationSeconds: t.exposeFloat('seconds', { description: 'The duration, in seconds.' }),
    width: t.exposeInt('width', { description: 'The width, in pixels.' }),
    height: t.exposeInt('height', { description: 'The height, in pixels.' }),
  }),
})
