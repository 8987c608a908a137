import type { KeptMedia } from '../../../../machines/job/context.ts'
import { builder } from '../builder.ts'

export const Media = builder.objectRef<KeptMedia>('Media').implement({
  description: 'A finished video, kept under the hash of its content.',
  authScopes: { read: true },
  fields: (t) => ({
    url: t.string({
      description: 'Where to get it, with an API key as for this API; takes range requests.',
      resolve: ({ sha256 }, _args, { origin }) => `${origin}/media/${sha256}`,
    }),
    sha256: t.exposeString('sha256', { description: 'The SHA-256 of its content, in hexadecimal.' }),
    sizeBytes: t.expose('bytes', { type: 'SafeInt', description: 'How many bytes it has.' }),
    durationSeconds: t.exposeFloat('seconds', { description: 'How long it plays.' }),
    width: t.exposeInt('width', { description: 'Pixels across.' }),
    height: t.exposeInt('height', { description: 'Pixels down.' }),
  }),
})
