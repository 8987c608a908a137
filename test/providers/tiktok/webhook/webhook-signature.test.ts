import { describe, expect, test } from 'vitest'
import { verifyWebhook } from '../../../../src/providers/tiktok/webhook/webhook-signature.ts'
import { Secret } from '../../../../src/secret.ts'
import { completed } from './webhooks.ts'

const signature = '183bc5014fec66d015dea3d3ecb3f70adfcbc748f758b5910b5dabd2bc1dce31'
const signed = {
  header: `t=1764000005,s=${signature}`,
  body: Buffer.from(completed),
  secret: new Secret('cs_local_demo'),
  nowSeconds: 1_764_000_010,
  toleranceSeconds: 300,
}
const refused = (reason: string) => ({ kind: 'refused', reason })

describe('a webhook’s signature', () => {
  test('by TikTok is accepted', () => {
    expect(signed.body).toHaveLength(224)
    expect(verifyWebhook(signed)).toEqual({ kind: 'ok', signedAtSeconds: 1_764_000_005 })
    const upper = `t=1764000005, s=${signature.toUpperCase()}`
    expect(verifyWebhook({ ...signed, header: upper }).kind).toBe('ok')
  })

  test('is refused when the body, the time or the secret differs', () => {
    const forged = refused('signature')
    const changed = Buffer.from(completed.replace('complete', 'failed'))
    expect(verifyWebhook({ ...signed, body: changed })).toEqual(forged)
    const reprinted = Buffer.from(JSON.stringify(JSON.parse(completed), null, 1))
    expect(verifyWebhook({ ...signed, body: reprinted })).toEqual(forged)
    expect(verifyWebhook({ ...signed, secret: new Secret('cs_other') })).toEqual(forged)
    // The time is signed too: an old delivery cannot be redated.
    expect(verifyWebhook({ ...signed, header: `t=1764000006,s=${signature}` })).toEqual(forged)
    expect(verifyWebhook({ ...signed, header: `t=01764000005,s=${signature}` })).toEqual(forged)
    expect(verifyWebhook({ ...signed, header: `t=1764000005,s=${signature.replace('1', '2')}` })).toEqual(
      forged,
    )
  })

  test.each([undefined, null, ''])('that is missing (%j) is refused', (header) => {
    expect(verifyWebhook({ ...signed, header })).toEqual(refused('missing'))
  })

  test.each([
    'nonsense',
    `s=${signature}`,
    't=1764000005',
    `t=now,s=${signature}`,
    `t=1764000005,s=${signature}00`,
    `t=1764000005,s=${signature.slice(2)}`,
    `t=1764000005,s=${signature},s=${signature}`,
    `t=-1764000005,s=${signature}`,
  ])('with the header %s is malformed', (header) => {
    expect(verifyWebhook({ ...signed, header })).toEqual(refused('malformed'))
  })

  test('is valid within its tolerance, to the second and in both directions', () => {
    const at = (nowSeconds: number) => verifyWebhook({ ...signed, nowSeconds })
    expect(at(1_764_000_305).kind).toBe('ok')
    expect(at(1_764_000_306)).toEqual(refused('age'))
    expect(at(1_763_999_705).kind).toBe('ok')
    expect(at(1_763_999_704)).toEqual(refused('age'))
  })
})
