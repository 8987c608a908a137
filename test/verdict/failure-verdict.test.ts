import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { failureVerdicts, nextStepFor, verdictFor } from '../../src/verdict/failure-verdict.ts'
import type { VerdictSource } from '../../src/verdict/verdict-row.ts'

/** Codes of the API's response envelope, with their documented HTTP status. */
const documentedApi = {
  invalid_param: 400,
  invalid_params: 400,
  app_version_check_failed: 400,
  invalid_publish_id: 400,
  token_not_authorized_for_specified_publish_id: 400,
  publish_not_cancellable: 400,
  invalid_file_upload: 400,
  scope_permission_missed: 400,
  access_token_invalid: 401,
  scope_not_authorized: 401,
  spam_risk_too_many_posts: 403,
  spam_risk_user_banned_from_posting: 403,
  spam_risk_too_many_pending_share: 403,
  reached_active_user_cap: 403,
  unaudited_client_can_only_post_to_private_accounts: 403,
  url_ownership_unverified: 403,
  privacy_level_option_mismatch: 403,
  rate_limit_exceeded: 429,
  internal_error: 500,
} as const

/** `error` of the OAuth endpoints and of the callback, and the only known `error_type` of the callback. */
const documentedOauth = [
  'access_denied',
  'invalid_client',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
  'server_error',
  'temporarily_unavailable',
  'non_sandbox_target',
]

/** `fail_reason` of a post, and whether the documentation allows another init of the unchanged post. */
const documentedPost = {
  file_format_check_failed: false,
  duration_check_failed: false,
  frame_rate_check_failed: false,
  picture_size_check_failed: false,
  internal: true,
  video_pull_failed: true,
  photo_pull_failed: true,
  publish_cancelled: false,
  auth_removed: false,
  spam_risk_too_many_posts: false,
  spam_risk_user_banned_from_posting: false,
  spam_risk_text: false,
  spam_risk: false,
} as const

/** Error statuses of the upload host; 5xx is documented as a whole. */
const documentedUpload = ['http_400', 'http_403', 'http_404', 'http_416', 'http_500', 'http_502', 'http_599']

const networkCodes = {
  timeout: 'OUTCOME_UNKNOWN',
  connectionLost: 'OUTCOME_UNKNOWN',
  serverError: 'OUTCOME_UNKNOWN',
  unreadable: 'OUTCOME_UNKNOWN',
  aborted: 'OUTCOME_UNKNOWN',
  ECONNRESET: 'OUTCOME_UNKNOWN',
  ETIMEDOUT: 'OUTCOME_UNKNOWN',
  UND_ERR_HEADERS_TIMEOUT: 'OUTCOME_UNKNOWN',
  ECONNREFUSED: 'RETRY_AFTER',
  ENOTFOUND: 'RETRY_AFTER',
  EAI_AGAIN: 'RETRY_AFTER',
  UND_ERR_CONNECT_TIMEOUT: 'RETRY_AFTER',
  CERT_HAS_EXPIRED: 'RETRY_AFTER',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'RETRY_AFTER',
} as const

/** Codes that our steps compose: rules that a post or a video breaks, kinds of a provider's failure. */
const ownComposed = [
  ...['CAPTION', 'DURATION', 'PRIVACYLEVEL', 'COMMENT', 'DUET', 'STITCH', 'BRANDEDPRIVATE'].map(
    (rule) => `POST_${rule}`,
  ),
  ...['CONTAINER', 'VIDEOCODEC', 'WIDTH', 'HEIGHT', 'FRAMERATE', 'DURATION', 'BYTES'].map(
    (rule) => `MEDIA_${rule}`,
  ),
  ...['CONTENT', 'INPUT', 'CAPACITY', 'PROVIDER', 'EXPIRED', 'CANCELED'].map((kind) => `CLIP_${kind}`),
  'REFRESH_ANSWER_LOST',
  'AUTHORIZATION_REMOVED',
  'SCOPE_MISSING',
  'CONNECTION_EXPIRED',
]

const verdictOf = (source: VerdictSource, code: string) => verdictFor(source, code).verdict
const isKnown = (source: VerdictSource, code: string) => verdictFor(source, code).recognised

describe('the verdict table', () => {
  it('has every documented code of every source', () => {
    const documented = [
      ...Object.keys(documentedApi).map((code) => ['api', code] as const),
      ...documentedOauth.map((code) => ['oauth', code] as const),
      ...Object.keys(documentedPost).map((code) => ['post', code] as const),
      ...documentedUpload.map((code) => ['upload', code] as const),
      ...ownComposed.map((code) => ['reelpilot', code] as const),
    ]
    expect(documented.filter(([source, code]) => !isKnown(source, code))).toEqual([])
  })

  it('has no code twice', () => {
    const keys = failureVerdicts.map(({ source, code }) => `${source}/${code}`)
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([])
  })

  it('has the documented HTTP status for each code of the API', () => {
    const statuses = Object.keys(documentedApi).map((code) => [code, verdictOf('api', code).httpStatus])
    expect(Object.fromEntries(statuses)).toEqual(documentedApi)
  })

  it('describes in sentences, without codes, what happened and what to do', () => {
    const sentence = /^[A-Z].{15,}\.$/
    const unclear = failureVerdicts
      .flatMap(({ code, meaning, nextStep }) => [
        [code, meaning],
        [code, nextStep],
      ])
      .filter(([, text = '']) => !sentence.test(text) || text.length > 260 || /[a-z]_[a-z]|http/.test(text))
    expect(unclear).toEqual([])
  })

  it('requires no action where waiting is enough, and names the operator where the operator must act', () => {
    const waits = failureVerdicts.filter(({ verdict }) => verdict === 'RETRY_AFTER')
    expect(waits.filter(({ nextStep }) => !/automatically|No action needed/.test(nextStep))).toEqual([])
    const operator = failureVerdicts.filter(({ verdict }) => verdict === 'NEEDS_OPERATOR')
    expect(operator.filter(({ nextStep }) => !nextStep.includes('operator'))).toEqual([])
  })

  it('has every failure that the source code writes as a literal, with the same verdict', async () => {
    const written = await failuresInSources()
    expect(written.length).toBeGreaterThan(10)
    const known = new Set(failureVerdicts.map(({ verdict, code }) => `${verdict} ${code}`))
    expect(written.filter((failure) => !known.has(failure))).toEqual([])
  })
})

describe('a verdict', () => {
  it('allows a post to be opened again only where TikTok allows it', () => {
    const canPostAgain = Object.keys(documentedPost).map((code) => [
      code,
      verdictOf('post', code).canPostAgain,
    ])
    expect(Object.fromEntries(canPostAgain)).toEqual(documentedPost)
    expect(verdictOf('post', 'internal').verdict).toBe('RETRY_AFTER')
  })

  it('waits at least a minute after a rate limit error', () => {
    const { verdict, afterSeconds } = verdictOf('api', 'rate_limit_exceeded')
    expect(verdict).toBe('RETRY_AFTER')
    expect(afterSeconds).toBeGreaterThanOrEqual(60)
  })

  it.each(['spam_risk_too_many_posts', 'spam_risk_too_many_pending_share', 'reached_active_user_cap'])(
    'waits at most a day for the cap of %s',
    (code) => expect(verdictOf('api', code)).toMatchObject({ verdict: 'WAIT_CAP', afterSeconds: 86_400 }),
  )

  it('says that an unaudited app requires a private account, not just a private post', () => {
    const { verdict, nextStep } = verdictOf('api', 'unaudited_client_can_only_post_to_private_accounts')
    expect(verdict).toBe('NEEDS_OPERATOR')
    expect(nextStep).toMatch(/account itself private/)
    expect(nextStep).toMatch(/SELF_ONLY/)
  })

  it('describes the cap of active users as a cap of the app, not of the creator', () => {
    const { meaning, nextStep } = verdictOf('api', 'reached_active_user_cap')
    expect(meaning).toMatch(/The app, not this creator/)
    expect(nextStep).toMatch(/operator/)
  })

  it('is OUTCOME_UNKNOWN for a request on which TikTok failed', () => {
    expect(verdictOf('api', 'internal_error').verdict).toBe('OUTCOME_UNKNOWN')
    expect(verdictOf('api', 'http_503')).toMatchObject({ verdict: 'OUTCOME_UNKNOWN', code: 'http_503' })
  })

  it.each(Object.entries(networkCodes))(
    'recognises the network failure %s from every source',
    (code, verdict) => {
      for (const source of ['api', 'oauth', 'upload', 'reelpilot'] as const) {
        expect(verdictFor(source, code)).toMatchObject({ recognised: true, verdict: { code, verdict } })
      }
    },
  )
})

describe('an undocumented code', () => {
  it.each([
    ['api', 429, 'RETRY_AFTER'],
    ['api', 401, 'NEEDS_USER'],
    ['api', 500, 'OUTCOME_UNKNOWN'],
    ['api', 503, 'OUTCOME_UNKNOWN'],
    ['api', 403, 'NEEDS_OPERATOR'],
    ['api', 200, 'NEEDS_OPERATOR'],
    ['api', undefined, 'NEEDS_OPERATOR'],
    ['oauth', 429, 'RETRY_AFTER'],
    ['oauth', 502, 'OUTCOME_UNKNOWN'],
    ['oauth', 400, 'NEEDS_OPERATOR'],
    ['upload', 400, 'OUTCOME_UNKNOWN'],
    ['upload', 418, 'OUTCOME_UNKNOWN'],
    ['reelpilot', undefined, 'NEEDS_OPERATOR'],
  ] as const)('from %s with HTTP status %s gets the verdict %s', (source, httpStatus, verdict) => {
    expect(verdictFor(source, 'brand_new_code', httpStatus)).toMatchObject({
      recognised: false,
      verdict: { source, code: 'brand_new_code', verdict },
    })
  })

  it('that contains an HTTP status gets the verdict of the status', () => {
    expect(verdictFor('api', 'http_404')).toMatchObject({
      recognised: false,
      verdict: { verdict: 'NEEDS_OPERATOR', httpStatus: 404 },
    })
    expect(verdictOf('oauth', 'http_401').verdict).toBe('NEEDS_USER')
  })

  it('of a post never opens the post again', () => {
    for (const code of [
      'brand_new_reason',
      'Internal',
      'timeout',
      'STORAGE_FULL',
      'http_500',
      'constructor',
    ]) {
      expect(verdictFor('post', code)).toMatchObject({
        recognised: false,
        verdict: { verdict: 'NEEDS_OPERATOR', canPostAgain: false },
      })
    }
  })

  it('is not recognised by a documented prefix', () => {
    expect(isKnown('post', 'internal_but_different')).toBe(false)
    expect(isKnown('post', 'spam_risk_of_a_new_kind')).toBe(false)
  })
})

describe('nextStepFor', () => {
  it('returns the text of the code, with or without a source', () => {
    const { nextStep } = verdictOf('api', 'invalid_publish_id')
    const failure = { code: 'invalid_publish_id', verdict: 'OUTCOME_UNKNOWN' } as const
    expect(nextStepFor({ ...failure, source: 'api' })).toBe(nextStep)
    expect(nextStepFor(failure)).toBe(nextStep)
  })

  it('distinguishes the same code of two sources', () => {
    const failure = { code: 'spam_risk_too_many_posts', verdict: 'WAIT_CAP' } as const
    expect(nextStepFor({ ...failure, source: 'api' })).toMatch(/continues/)
    expect(nextStepFor({ ...failure, source: 'post' })).toMatch(/Plan the post again/)
  })

  it('returns the text of the verdict if it differs from the verdict of the code', () => {
    expect(nextStepFor({ source: 'api', code: 'timeout', verdict: 'RETRY_AFTER' })).toMatch(/is retried/)
  })

  it('returns a text for every verdict of an unknown code', () => {
    const verdicts = [...new Set(failureVerdicts.map(({ verdict }) => verdict))]
    const sentences = verdicts.map((verdict) => nextStepFor({ code: 'renderer_crashed', verdict }))
    expect(verdicts).toHaveLength(7)
    expect(new Set(sentences).size).toBe(7)
    expect(sentences.filter((text) => !/^[A-Z].+\.$/.test(text))).toEqual([])
  })
})

/** Failures that are written as literals: `failure('VERDICT', 'CODE'` and `verdict: 'VERDICT', code: 'CODE'`. */
async function failuresInSources(): Promise<readonly string[]> {
  const root = new URL('../..', import.meta.url).pathname
  const found: string[] = []
  for (const folder of ['machines', 'src']) {
    for (const name of await readdir(path.join(root, folder), { recursive: true })) {
      if (!name.endsWith('.ts')) continue
      const text = await readFile(path.join(root, folder, name), 'utf8')
      const literals = text.matchAll(/(?:failure\(|verdict:)\s*'([A-Z_]+)',\s*(?:code:\s*)?'(\w+)'/g)
      for (const [, verdict, code] of literals) found.push(`${verdict} ${code}`)
    }
  }
  return found
}
