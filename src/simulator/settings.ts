import { z } from 'zod'
import { apiEndpoints } from './endpoint.ts'

const amount = z.number().min(0)
const probability = z.number().min(0).max(1)

const consent = {
  autoApprove: z.boolean().describe('Approve at once instead of showing the consent page.'),
  requirePkce: z.boolean().describe('Refuse authorize requests without a code challenge.'),
  challengeEncoding: z
    .enum(['hex', 'base64url', 'either'])
    .describe("Encoding of a code challenge: hex, as TikTok requires, or RFC 7636's base64url."),
  codeTtlSeconds: amount.describe('Lifetime of an authorization code.'),
  oauthErrorStatus: z.literal([200, 400]).describe('HTTP status of OAuth refusals, which is not documented.'),
}

const tokens = {
  accessTtlSeconds: amount.describe(
    'Lifetime of an access token: 7200 in the newest documentation, 86400 in older pages.',
  ),
  refreshTtlSeconds: amount.describe('Lifetime of a refresh token: 15552000, or 31536000 in older pages.'),
  refreshTtlRestarts: z.boolean().describe("Whether a refresh restarts the refresh token's lifetime."),
  rotate: z
    .enum(['always', 'never', 'sometimes'])
    .describe('Whether a refresh replaces the refresh token; "sometimes" is every second time.'),
  oldRefreshGraceSeconds: amount.describe('How long a replaced refresh token stays valid.'),
  revokeFamilyOnReuse: z
    .boolean()
    .describe('Whether reuse of a replaced refresh token revokes all tokens of its consent.'),
}

const creators = {
  audited: z
    .boolean()
    .describe('Whether the app is audited. An unaudited app posts only SELF_ONLY, to private accounts.'),
  dailyPostCap: amount.nullable().describe('Direct posts per creator in 24 hours; null for no cap.'),
  pendingCap: amount.nullable().describe('Unfinished drafts per creator in 24 hours; null for no cap.'),
  activeCreatorCap: amount
    .nullable()
    .describe('Creators who post in 24 hours; null for no cap, or 5 for an unaudited app.'),
  maxDurationSeconds: amount.describe('Maximum video duration of accounts that set none of their own.'),
  uncoveredFields: z
    .enum(['scope_not_authorized', 'scope_permission_missed', 'omit'])
    .describe('Answer of user info to a field that no granted scope covers: an error code, or omit it.'),
}

const rates = {
  rateLimits: z.boolean().describe('Whether calls beyond the limits per minute are refused.'),
  limits: z
    .partialRecord(z.enum(apiEndpoints), z.int().min(0))
    .readonly()
    .describe('Calls per minute by endpoint, instead of the documented limits: {"videoInit": 2}.'),
  sharedInitLimit: z.boolean().describe('Whether the three inits share one limit.'),
  retryAfterSeconds: amount
    .nullable()
    .describe('Retry-After of a 429; null sends none, as TikTok probably does.'),
}

const uploads = {
  uploadTtlSeconds: amount.describe('Lifetime of an upload URL.'),
  singleChunkLimit: amount.describe(
    'Maximum file size for a single chunk: 64000000, or 67108864 for the looser reading.',
  ),
  rangeHeader: z
    .enum(['count', 'lastIndex'])
    .describe('Whether Content-Range in an answer has the byte count or the last byte index.'),
  repeatedChunk: z.literal([416, 206]).describe('Answer to an exact repeat of the last chunk.'),
  pullMs: amount.describe('Minimum duration of a download from a URL.'),
  pullTtlSeconds: amount.describe('Timeout of a download.'),
}

const posts = {
  processingMs: amount.describe('Duration of processing after the last byte.'),
  moderationMs: amount.describe('Duration of moderation, from completion of a public post to its public id.'),
  checkMedia: z.boolean().describe('Whether media is checked against the media rules.'),
  idsAsNumbers: z
    .boolean()
    .describe('Whether post ids are 19-digit JSON numbers, which exceed a double, or strings.'),
  nextPostIds: z
    .array(z.string().regex(/^\d{1,19}$/))
    .readonly()
    .describe('Ids of the next posts, one each; later ids are random.'),
}

const webhooks = {
  webhooks: z
    .enum(['on', 'off'])
    .describe('Whether webhooks are sent. Events while they are off are never sent.'),
  webhookDelayMs: amount.describe('Delay from an event to the first attempt.'),
  duplicateWebhooks: probability.describe('Share of events that are sent twice.'),
  reorderWebhooks: probability.describe('Share of events that are sent after a later one.'),
  loseWebhooks: probability.describe('Share of events that are never sent.'),
  webhookSeed: z.int().describe('Seed that decides which events are duplicated, reordered and lost.'),
  webhookRetryMs: amount.describe('Backoff after a failed attempt; doubles each time, up to a minute.'),
  webhookRetryForSeconds: amount.describe('How long to retry; 72 hours at TikTok.'),
  webhookFreshSignature: z
    .boolean()
    .describe('Whether each attempt is signed anew or repeats the first signature.'),
  webhookClockSkewSeconds: z.number().describe("Offset of the signature's time."),
}

/** The settings by subject, each with a description for people. */
export const settingGroups = { consent, tokens, creators, rates, uploads, posts, webhooks }

export const settingsSchema = z.strictObject({
  ...consent,
  ...tokens,
  ...creators,
  ...rates,
  ...uploads,
  ...posts,
  ...webhooks,
})

/** The behaviour of the local TikTok. All settings can change while it runs; `settingGroups` describes each. */
export type SimulatorSettings = Readonly<z.infer<typeof settingsSchema>>

export const defaultSettings: SimulatorSettings = {
  autoApprove: true,
  requirePkce: true,
  challengeEncoding: 'hex',
  codeTtlSeconds: 300,
  oauthErrorStatus: 400,

  accessTtlSeconds: 7200,
  refreshTtlSeconds: 15_552_000,
  refreshTtlRestarts: true,
  rotate: 'always',
  oldRefreshGraceSeconds: 0,
  revokeFamilyOnReuse: false,

  audited: true,
  dailyPostCap: 15,
  pendingCap: 5,
  activeCreatorCap: null,
  maxDurationSeconds: 600,
  uncoveredFields: 'scope_not_authorized',

  rateLimits: true,
  limits: {},
  sharedInitLimit: false,
  retryAfterSeconds: null,

  uploadTtlSeconds: 3600,
  singleChunkLimit: 64_000_000,
  rangeHeader: 'count',
  repeatedChunk: 416,
  pullMs: 0,
  pullTtlSeconds: 3600,

  processingMs: 2000,
  moderationMs: 3000,
  checkMedia: false,
  idsAsNumbers: true,
  nextPostIds: [],

  webhooks: 'on',
  webhookDelayMs: 0,
  duplicateWebhooks: 0,
  reorderWebhooks: 0,
  loseWebhooks: 0,
  webhookSeed: 1,
  webhookRetryMs: 1000,
  webhookRetryForSeconds: 259_200,
  webhookFreshSignature: true,
  webhookClockSkewSeconds: 0,
}
