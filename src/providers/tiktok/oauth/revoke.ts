import { z } from 'zod'
import type { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify } from '../http/classify.ts'
import { type AppCredential, postForm } from '../http/post-form.ts'
import type { Upstream } from '../http/upstream.ts'

/**
 * TikTok: `POST /v2/oauth/revoke/`. Removes the app from what the person has connected; after it `authorization.removed`
 * arrives by webhook. It takes the access token, not the refresh token. Success is an empty object, or nothing at all.
 */
export async function revoke(
  api: Upstream,
  app: AppCredential,
  accessToken: Secret,
  signal?: AbortSignal,
): Promise<Answer<unknown>> {
  const answered = await postForm(api, '/v2/oauth/revoke/', app, { token: accessToken.reveal() }, signal)
  const isEmpty = answered.kind === 'answered' && answered.text.trim() === ''
  const answer = classify(isEmpty ? { ...answered, text: '{}' } : answered, z.object(), { exactOnly: true })
  return answer.kind === 'ok' ? { kind: 'ok' } : answer
}
