import path from 'node:path'
import { z } from 'zod'
import { ConfigError } from './startup-error.ts'
import { refusedParameters } from './store/database-url.ts'
import { defaultRetention, type Retention } from './store/prune.ts'

/** All settings, read once at the start. */
export interface Config {
  /** Undefined: the bundled Postgres in the data directory. */
  readonly databaseUrl: string | undefined
  /** A Redis or Valkey for the rate limits. Undefined: Postgres keeps them. */
  readonly redisUrl: string | undefined
  readonly dataDirectory: string
  /** A bucket of an S3-compatible server. Undefined: the data directory keeps the media. */
  readonly bucket: BucketSettings | undefined
  /** How many bytes of the bucket's objects this machine keeps copies of. */
  readonly storageCacheBytes: number
  readonly host: string
  readonly port: number
  readonly workerConcurrency: number
  readonly renderConcurrency: number
  readonly ffmpegPath: string | undefined
  /** The address at which browsers and TikTok reach the API. Undefined: the address it listens on. */
  readonly publicUrl: string | undefined
  /** Keys of 32 bytes that seal tokens; the first seals new ones. Undefined: a key file in the data directory. */
  readonly secretKeys: readonly Buffer[] | undefined
  /** Undefined: a rehearsal with the local TikTok. */
  readonly tiktok:
    | {
        readonly apiBase: string
        readonly authorizeBase: string
        readonly clientKey: string
        readonly clientSecret: string
      }
    | undefined
  readonly tiktokLocalPort: number
  /** The cost that an API key may spend at once, and how much comes back per second. */
  readonly apiBucket: { readonly capacity: number; readonly refillPerSecond: number }
  /** A file of documents that clients may name by their ids, in addition to those that the API ships with. */
  readonly trustedDocuments: string | undefined
  /** How long the response of a mutation is kept under its idempotency key. */
  readonly idempotencyMinutes: number
  /** The minimum time between two late posts of an account. */
  readonly latePostGapMinutes: number
  readonly retention: Retention
  readonly logLevel: string
  readonly pretty: boolean
}

export interface BucketSettings {
  /** Without a path. */
  readonly endpoint: string
  readonly name: string
  readonly region: string | undefined
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** A whole number in decimal digits. */
const whole = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`
  return z
    .string()
    .regex(/^\d{1,9}$/, error)
    .transform(Number)
    .pipe(z.number().min(min, error).max(max, error))
}
const port = whole(0, 65_535)
const text = z.string().min(1)
const cost = whole(1, 1_000_000)
/** A base URL, to which paths are appended. */
const baseUrl = z
  .url({
    protocol: /^https?$/,
    error: 'must be an http:// or https:// address, such as https://reels.example.com',
  })
  .superRefine((text, context) => {
    const { username, password } = URL.parse(text) ?? { username: '', password: '' }
    if (/[?#]/.test(text)) context.addIssue('must end without a query (?) and without a fragment (#)')
    else if (text.endsWith('/')) context.addIssue('must end without a slash')
    if (username || password) context.addIssue('must not contain a user or a password')
  })
/** A bucket with its credentials, `https://KEY:SECRET@HOST/BUCKET?region=REGION`. No message contains the address: it is a secret. */
const bucketUrl = z
  .url({
    protocol: /^https?$/,
    error:
      'must be an address such as https://KEY:SECRET@HOST/BUCKET?region=REGION, with %2F for a / in a key',
    abort: true,
  })
  .transform((text, context): BucketSettings => {
    const { origin, pathname, username, password, searchParams, hash } = new URL(text)
    const refuse = (message: string) => void context.addIssue({ code: 'custom', message })
    if (!username || !password)
      refuse(
        'must contain the access key and the secret key, percent-encoded: https://KEY:SECRET@HOST/BUCKET',
      )
    const name = pathname.slice(1)
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/.test(name))
      refuse('must end with the name of a bucket after the host, such as https://KEY:SECRET@HOST/BUCKET')
    const region = searchParams.get('region') ?? undefined
    if (region !== undefined && !/^[a-z0-9-]{1,40}$/.test(region))
      refuse('must name a region by lower-case letters, digits and -, such as eu-central-1')
    if ([...searchParams.keys()].some((parameter) => parameter !== 'region') || hash !== '')
      refuse('must have no parameter besides "region"')
    return {
      endpoint: origin,
      name,
      region,
      accessKeyId: decoded(username),
      secretAccessKey: decoded(password),
    }
  })

/** A part of an address without its percent-encoding. A "%" that encodes nothing stands for itself. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Wildcard addresses: a server can listen on them, but no browser can open them. */
const wildcardAddresses = new Set(['0.0.0.0', '::', '[::]', '0'])
const settings = z
  .object({
    DATABASE_URL: z
      .url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// address', abort: true })
      .superRefine((url, context) => {
        for (const name of refusedParameters(url))
          context.addIssue({
            code: 'custom',
            message: `must not set "${name}": Reelpilot sets it`,
          })
      })
      .optional(),
    REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'must be a redis:// or rediss:// address' }).optional(),
    S3_URL: bucketUrl.optional(),
    STORAGE_CACHE_MB: whole(64, 1_000_000).default(4_096),
    REELPILOT_DATA: text.default('.reelpilot'),
    HOST: text.default('127.0.0.1'),
    PORT: port.default(4_000),
    WORKER_CONCURRENCY: whole(1, 100).default(10),
    RENDER_CONCURRENCY: whole(1, 64).default(1),
    FFMPEG_PATH: text.optional(),
    TRUSTED_DOCUMENTS: text.optional(),
    PUBLIC_URL: baseUrl.optional(),
    REELPILOT_SECRET_KEY: z
      .string()
      .regex(
        /^[A-Za-z0-9+/]{43}=(,[A-Za-z0-9+/]{43}=)*$/,
        'must be 32 random bytes in base64; separate several keys by commas, the newest first',
      )
      .optional(),
    TIKTOK_API_BASE: baseUrl.default('https://open.tiktokapis.com'),
    TIKTOK_AUTHORIZE_BASE: baseUrl.default('https://www.tiktok.com'),
    TIKTOK_CLIENT_KEY: text.optional(),
    TIKTOK_CLIENT_SECRET: text.optional(),
    TIKTOK_LOCAL_PORT: port.default(4_001),
    API_COST_LIMIT: cost.default(1_000),
    API_COST_PER_SECOND: cost.default(50),
    IDEMPOTENCY_MINUTES: whole(1, 10_080).default(60),
    LATE_POST_GAP_MINUTES: whole(0, 60).default(5),
    SCAN_RETENTION_DAYS: whole(1, 3_650).default(defaultRetention.scanDays),
    EVENT_RETENTION_DAYS: whole(1, 3_650).default(defaultRetention.eventDays),
    MEDIA_RETENTION_DAYS: whole(1, 3_650).optional(),
    LOG_LEVEL: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
        error: 'must be trace, debug, info, warn, error or silent',
      })
      .default('info'),
  })
  .refine((all) => (all.TIKTOK_CLIENT_KEY === undefined) === (all.TIKTOK_CLIENT_SECRET === undefined), {
    error: 'TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET go together: set both, or neither for a rehearsal',
    path: ['TIKTOK_CLIENT_SECRET'],
    when: () => true,
  })
  .refine(({ HOST, PUBLIC_URL }) => !wildcardAddresses.has(HOST) || PUBLIC_URL !== undefined, {
    error: 'is a wildcard address; also set PUBLIC_URL to the address at which browsers reach the API',
    path: ['HOST'],
    when: () => true,
  })

/** Reads the environment. Empty values count as unset. Throws `ConfigError` with every problem. */
export function readConfig(environment: NodeJS.ProcessEnv, isTerminal: boolean): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const padded = Object.keys(settings.shape).filter((name) => given[name] !== given[name]?.trim())
  const parsed = settings.safeParse(given)
  if (!parsed.success || padded.length > 0) {
    const problems = [
      ...padded.map((name) => `  ${name}: must not begin or end with a space or line break`),
      ...(parsed.error?.issues ?? [])
        .filter(({ path: [name] }) => !padded.includes(String(name)))
        .map((issue) => `  ${issue.path.join('.')}: ${issue.message}`),
    ]
    throw new ConfigError(`these settings are invalid:\n${problems.join('\n')}`)
  }
  const all = parsed.data
  return {
    databaseUrl: all.DATABASE_URL,
    redisUrl: all.REDIS_URL,
    dataDirectory: path.resolve(all.REELPILOT_DATA),
    bucket: all.S3_URL,
    storageCacheBytes: all.STORAGE_CACHE_MB * 1024 * 1024,
    host: all.HOST,
    port: all.PORT,
    workerConcurrency: all.WORKER_CONCURRENCY,
    renderConcurrency: all.RENDER_CONCURRENCY,
    ffmpegPath: all.FFMPEG_PATH,
    publicUrl: all.PUBLIC_URL,
    secretKeys: all.REELPILOT_SECRET_KEY?.split(',').map((key) => Buffer.from(key, 'base64')),
    tiktok:
      all.TIKTOK_CLIENT_KEY && all.TIKTOK_CLIENT_SECRET
        ? {
            apiBase: all.TIKTOK_API_BASE,
            authorizeBase: all.TIKTOK_AUTHORIZE_BASE,
            clientKey: all.TIKTOK_CLIENT_KEY,
            clientSecret: all.TIKTOK_CLIENT_SECRET,
          }
        : undefined,
    tiktokLocalPort: all.TIKTOK_LOCAL_PORT,
    apiBucket: { capacity: all.API_COST_LIMIT, refillPerSecond: all.API_COST_PER_SECOND },
    trustedDocuments: all.TRUSTED_DOCUMENTS,
    idempotencyMinutes: all.IDEMPOTENCY_MINUTES,
    latePostGapMinutes: all.LATE_POST_GAP_MINUTES,
    retention: {
      scanDays: all.SCAN_RETENTION_DAYS,
      eventDays: all.EVENT_RETENTION_DAYS,
      mediaDays: all.MEDIA_RETENTION_DAYS ?? null,
    },
    logLevel: all.LOG_LEVEL,
    pretty: isTerminal,
  }
}
