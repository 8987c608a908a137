import fc from 'fast-check'
import { expect, test } from 'vitest'
import { redact } from '../../../../src/providers/tiktok/http/redact.ts'

test.each([
  [
    '{"upload_url":"https://a.test/video/?upload_id=1&upload_token=u"}',
    '{"upload_url":"https://a.test/video/?[redacted]"}',
  ],
  [
    '{\\"upload_url\\":\\"https:\\/\\/a.test\\/?t=u\\"',
    '{\\"upload_url\\":\\"https:\\/\\/a.test\\/?[redacted]"',
  ],
  ["{'access_token': 'act.x', 'scope': 'a,b'}", "{'access_token': '[redacted]', 'scope': 'a,b'}"],
  [
    'client_key=ck&client_secret=cs&code_verifier=v',
    'client_key=ck&client_secret=[redacted]&code_verifier=[redacted]',
  ],
  ['upload_token%3Du', 'upload_token%3D[redacted]'],
  ['authorization: Bearer 0123456789abcdef', 'authorization: Bearer [redacted]'],
  ['cut: act.x', 'cut: [redacted]'],
  [
    'The access token is invalid. See https://a.test/doc/',
    'The access token is invalid. See https://a.test/doc/',
  ],
  ['an act, a fact. And so on', 'an act, a fact. And so on'],
  ['a\0b', 'a\ufffdb'],
])('redacts %s to %s', (text, redacted) => {
  expect(redact(text)).toBe(redacted)
})

test('redact removes every token, wherever the text was cut', () => {
  const secret = fc.stringMatching(/^[\w!*~-]{12,40}$/)
  fc.assert(
    fc.property(secret, secret, fc.boolean(), fc.nat(), (access, upload, escaped, cut) => {
      const body = JSON.stringify({
        access_token: access,
        refresh_token: `rft.${access}`,
        upload_url: `https://a.test/video/?upload_id=1&upload_token=${upload}`,
        nested: { upload_token: upload, text: `Bearer ${access}` },
      })
      const text = escaped ? JSON.stringify(body) : body
      const redacted = redact(text.slice(0, cut % (text.length + 1)))
      for (const part of [access.slice(0, 12), upload.slice(0, 12)]) expect(redacted).not.toContain(part)
    }),
  )
})
