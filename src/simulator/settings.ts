import { z } from 'zod'
import { apiEndpoints } from './endpoint.ts'

const amount = z.number().min(0)
const probability = z.number().min(0).max(1)

const consent = {
  autoApprove: z.boolean().describe('Approve at once at the authorize page instead of asking a person.'),
  requirePkce: z.boolean().describe('Refuse an authorize request without a code challenge.'),
  challengeEncoding: z
    .enum(['hex', 'base64url', 'either'])
    .describe("How a challenge is written: in hex, as TikTok has it, or in RFC 7636's base64url."),
  codeTtlSeconds: amount.describe('How long an authorization code may wait for its exchange.'),
  oauthErrorStatus: z
    .literal([200, 400])
    .describe('HTTP status of OAuth refusals; the documents do not give one.'),
}

const tokens = {
  accessTtlSeconds: amount.describe(
    'Life of an access token: 7200 by the newest pages, 86400 by older ones.',
  ),
  refreshTtlSeconds: amount.describe('Life of a refresh token: 15552000 or, by older pages, 31536000.'),
  refreshTtlRestarts: z.boolean().describe("Whether a refresh begins the refresh token's life anew."),
  rotate: z
    .enum(['always', 'never', 'sometimes'])
    .describe('Whether a refresh replaces the refresh token; "sometimes" is every second time.'),
  oldRefreshGraceSeconds: amount.describe('How long a replaced refresh token goes on working.'),
  revokeFamilyOnReuse: z
    .boolean()
    .describe('When a replaced refresh token comes again, all tokens of its consent die.'),
}

const creators = {
  audited: z
    .boolean()
    .describe('An audited app posts in public; another one only SELF_ONLY, to private accounts.'),
  dailyPostCap: amount.nullable().describe('Direct posts per creator in 24 hours; null is no cap.'),
  pendingCap: amount.nullable().describe('Unfinished drafts per creator in 24 hours; null is no cap.'),
  activeCreatorCap: amount
    .nullable()
    .describe('Creators who post in 24 hours; null is no cap for an audited app and 5 for another.'),
  maxDurationSeconds: amount.describe('Longest video of an account that is created without its own figure.'),
  uncoveredFields: z
    .enum(['scope_not_authorized', 'scope_permission_missed', 'omit'])
    .describe('What user info answers to a field that no granted scope covers, or that it leaves it out.'),
}

const rates = {
  rateLimits: z.boolean().describe('Whether calls beyond the limits of a minute are refused.'),
  limits: z
    .partialRecord(z.enum(apiEndpoints), z.int().min(0))
    .readonly()
    .describe('Calls a minute by endpoint, in place of the documented ones: {"videoInit": 2}.'),
  sharedInitLimit: z.boolean().describe('Whether the three inits draw on one limit instead of one each.'),
  retryAfterSeconds: amount.nullable().describe('Retry-After on a 429; null sends none, as far as is known.'),
}

const uploads = {
  uploadTtlSeconds: amount.describe('How long an upload URL lives.'),
  singleChunkLimit: amount.describe('Largest file in one piece: 64000000 or, leniently, 67108864.'),
  rangeHeader: z
    .enum(['count', 'lastIndex'])
    .describe('Whether Content-Range in an answer counts the bytes or names the last one.'),
  repeatedChunk: z.literal([416, 206]).describe('Answer to an exact repeat of the chunk that came last.'),
  pullMs: amount.describe('Shortest time that a download from a URL takes.'),
  pullTtlSeconds: amount.describe('When a download that has not ended is given up.'),
}

const posts = {
  processingMs: amount.describe('From the last byte to the end of processing.'),
  moderationMs: amount.describe('From completion of a public post to its public id.'),
  checkMedia: z.boolean().describe('Whether videos are opened and held against the rules for media.'),
  idsAsNumbers: z
    .boolean()
    .describe('Post ids as bare 19-digit numbers, which break a careless parser, or as text.'),
  nextPostIds: z
    .array(z.string().regex(/^\d{1,19}$/))
    .readonly()
    .describe('Given to the next posts, one each, before chance goes on.'),
}

const webhooks = {
  webhooks: z.enum(['on', 'off']).describe('What happens while they are off is never told.'),
  webhookDelayMs: amount.describe('From an event to the first attempt to tell it.'),
  duplicateWebhooks: probability.describe('Share of events that are told twice.'),
  reorderWebhooks: probability.describe('Share of events that wait until a later one has been told.'),
  loseWebhooks: probability.describe('Share of events that are never told.'),
  webhookSeed: z.int().describe('The same seed has the same events doubled, reordered and lost.'),
  webhookRetryMs: amount.describe('First wait after a failed attempt; doubles each time, to a minute.'),
  webhookRetryForSeconds: amount.describe('When to stop trying: 72 hours.'),
  webhookFreshSignature: z.boolean().describe('Sign each attempt anew, or repeat the first signature.'),
  webhookClockSkewSeconds: z.number().describe("By how much the signature's time is off."),
}

/** The settings by what they turn, each with a sentence for people. */
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

/** How strict, how fast and how generous the local TikTok is. All may change while it runs; see `settingGroups` for each. */
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
