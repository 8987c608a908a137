import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { retryAfterSeconds } from '../../../../src/providers/tiktok/http/upstream.ts'

const date = 'Sun, 06 Nov 1994 08:49:37 GMT'
const now = Date.parse('1994-11-06T08:49:07Z')
const read = (retryAfter: string, more: Readonly<Record<string, string>> = {}) =>
  retryAfterSeconds(new Headers({ 'retry-after': retryAfter, ...more }), now)

describe('Retry-After', () => {
  it('in seconds is independent of the Date header', () => {
    expect(read('120', { date })).toBe(120)
    expect(read('0')).toBe(0)
    expect(read(' 7 ')).toBe(7)
  })

  it.each([date, 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'accepts each of HTTP’s date formats: %s',
    (form) => {
      // Compared with the answer's Date, or with our clock if it has none.
      expect(read(form, { date: 'Sun, 06 Nov 1994 08:48:37 GMT' })).toBe(60)
      expect(read(form)).toBe(30)
    },
  )

  it('with a date in the past is 0 seconds', () => {
    expect(read('Sun, 06 Nov 1994 08:00:00 GMT', { date })).toBe(0)
  })

  it.each(['', 'soon', '-5', '1.5', '1e3', '0x10', '12 s', '12345678901', 'Sun, 99 Nov 1994 99:00:00 GMT'])(
    'that is neither seconds nor a date is ignored: "%s"',
    (text) => expect(read(text, { date })).toBeUndefined(),
  )

  it('is never negative and always whole seconds, for any header', () => {
    const printable = fc.string({
      unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)),
    })
    fc.assert(
      fc.property(printable, printable, (text, other) => {
        const seconds = read(text, { date: other })
        expect(seconds === undefined || (Number.isInteger(seconds) && seconds >= 0)).toBe(true)
      }),
    )
  })
})
