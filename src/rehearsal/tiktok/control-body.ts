import { z } from 'zod'

const faultEffect = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(200).max(599),
    code: z.string().exactOptional(),
    retryAfterSeconds: z.number().exactOptional(),
  }),
  z.strictObject({ kind: z.literal('dropBefore') }),
  z.strictObject({ kind: z.literal('dropAfter') }),
  z.strictObject({ kind: z.literal('garble') }),
  z.strictObject({ kind: z.literal('delay'), delayMs: z.number().min(0) }),
])

const endpoint = z.enum([
  'authorize',
  'token',
  'creatorInfo',
  'videoInit',
  'upload',
  'statusFetch',
  'videoList',
])

export const faultBody = z.union([
  z.strictObject({ endpoint, effect: faultEffect, nth: z.int().min(1) }),
  z.strictObject({ endpoint, effect: faultEffect, probability: z.number().min(0).max(1), seed: z.int() }),
])

export const accountBody = z.strictObject({
  username: z.string().regex(/^[\w.]{2,24}$/),
  nickname: z.string().exactOptional(),
  private: z.boolean().exactOptional(),
  commentDisabled: z.boolean().exactOptional(),
  duetDisabled: z.boolean().exactOptional(),
  stitchDisabled: z.boolean().exactOptional(),
  maxDurationSeconds: z.number().exactOptional(),
  banned: z.boolean().exactOptional(),
})

export const grantBody = z.strictObject({
  username: z.string(),
  scopes: z.array(z.string()).exactOptional(),
})

export const advanceBody = z.strictObject({ seconds: z.number().min(0) })

export const appBody = z.strictObject({
  clientKey: z.string().exactOptional(),
  clientSecret: z.string().exactOptional(),
  redirectUri: z.string().exactOptional(),
})

/** Any of the knobs; those that are not named stay as they are. */
export const knobsBody = z.strictObject({
  audited: z.boolean().exactOptional(),
  accessTtlSeconds: z.number().exactOptional(),
  refreshTtlSeconds: z.number().exactOptional(),
  codeTtlSeconds: z.number().exactOptional(),
  uploadTtlSeconds: z.number().exactOptional(),
  oauthErrorStatus: z.union([z.literal(200), z.literal(400)]).exactOptional(),
  singleChunkLimit: z.number().exactOptional(),
  rangeHeader: z.enum(['count', 'lastIndex']).exactOptional(),
  idsAsNumbers: z.boolean().exactOptional(),
  processingMs: z.number().exactOptional(),
  moderationMs: z.number().exactOptional(),
  dailyPostCap: z.number().nullable().exactOptional(),
  activeCreatorCap: z.number().nullable().exactOptional(),
  rateLimits: z.boolean().exactOptional(),
  maxDurationSeconds: z.number().exactOptional(),
})
