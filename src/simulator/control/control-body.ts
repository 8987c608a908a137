import { z } from 'zod'
import { type RemovalReason, removalReasons } from '../disconnect.ts'
import { endpoints } from '../endpoint.ts'
import { settingsSchema } from '../settings.ts'

const faultEffect = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(200).max(599),
    code: z.string().exactOptional(),
    retryAfterSeconds: z.number().exactOptional(),
  }),
  z.strictObject({ kind: z.literal('redirect'), location: z.url().exactOptional() }),
  z.strictObject({ kind: z.literal('dropBefore') }),
  z.strictObject({ kind: z.literal('dropAfter') }),
  z.strictObject({ kind: z.literal('garble') }),
  z.strictObject({ kind: z.literal('mangle'), as: z.enum(['prose', 'python', 'html']) }),
  z.strictObject({ kind: z.literal('delay'), delayMs: z.number().min(0) }),
])

const target = {
  endpoint: z.enum(endpoints),
  effect: faultEffect,
  account: z.string().exactOptional(),
}

export const faultBody = z.union([
  z.strictObject({ ...target, nth: z.int().min(1) }),
  z.strictObject({ ...target, probability: z.number().min(0).max(1), seed: z.int() }),
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
  oldApp: z.boolean().exactOptional(),
})

export const grantBody = z.strictObject({
  username: z.string(),
  scopes: z.array(z.string()).exactOptional(),
})

// `Object.keys` is typed as string[]; these are the reasons.
const reasons = Object.keys(removalReasons) as RemovalReason[]

export const disconnectBody = z.strictObject({
  username: z.string(),
  reason: z.enum(reasons).exactOptional(),
})

/** Names one post. */
export const postBody = z.strictObject({ publishId: z.string() })

export const postDraftBody = postBody.extend({ isPublic: z.boolean().exactOptional() })

export const webhookBody = z.strictObject({
  event: z.string().min(1),
  username: z.string(),
  content: z.record(z.string(), z.unknown()),
})

export const advanceBody = z.strictObject({ seconds: z.number().min(0) })

export const appBody = z.strictObject({
  clientKey: z.string().exactOptional(),
  clientSecret: z.string().exactOptional(),
  redirectUri: z.string().exactOptional(),
  redirectUris: z.array(z.string()).max(9).exactOptional(),
  sandboxTargets: z.array(z.string()).nullable().exactOptional(),
  verifiedProperties: z.array(z.string()).exactOptional(),
  webhookUrl: z.url().nullable().exactOptional(),
})

/** Any of the settings; the others keep their values. */
export const settingsBody = settingsSchema.exactPartial()
