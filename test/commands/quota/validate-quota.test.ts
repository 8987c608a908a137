import { expect, it } from 'vitest'
import {
  validateAmount,
  validatePeriod,
  validateReason,
  validateSpan,
  validateValidity,
} from '../../../src/commands/quota/validate-quota.ts'
import type { Metric, QuotaPeriod } from '../../../src/store/quota/tables.ts'

const pathsOf = (mistakes: readonly { readonly path: string }[]) => mistakes.map(({ path }) => path)

it.each([[0], [-1], [1.5], [Number.NaN], [Number.POSITIVE_INFINITY], [2 ** 53]])(
  'an amount of %d is refused',
  (amount) => {
    expect(pathsOf(validateAmount(amount))).toEqual(['amount'])
  },
)

it('a negative amount is valid for a correction only, and 0 never', () => {
  expect(validateAmount(-5, { signed: true })).toEqual([])
  expect(pathsOf(validateAmount(0, { signed: true }))).toEqual(['amount'])
  expect(validateAmount(1)).toEqual([])
})

it.each([
  ['smiles', 'day', ['metric']],
  ['videos', 'fortnight', ['period']],
  ['storageBytes', 'month', ['period']],
  ['storageBytes', 'total', []],
  ['videos', 'rolling', []],
])('a limit of %s per %s has the mistakes %j', (metric, period, paths) => {
  // Values that a client without our types can send.
  expect(pathsOf(validatePeriod(metric as Metric, period as QuotaPeriod))).toEqual(paths)
})

it.each([
  ['rolling', null, ['windowSeconds']],
  ['rolling', 0, ['windowSeconds']],
  ['rolling', 60.5, ['windowSeconds']],
  ['rolling', 60, []],
  ['day', 60, ['windowSeconds']],
  ['day', null, []],
] as const)('the period %s with a window of %s seconds has the mistakes %j', (period, span, paths) => {
  expect(pathsOf(validateSpan(period, span))).toEqual(paths)
})

it('a grant must end after its start and in the future', () => {
  const now = Date.parse('2026-03-14T12:00Z')
  const [before, after] = [new Date(now - 1), new Date(now + 1)]
  expect(validateValidity({ validFrom: before, validUntil: after }, now)).toEqual([])
  expect(validateValidity({ validFrom: null, validUntil: null }, now)).toEqual([])
  expect(pathsOf(validateValidity({ validFrom: after, validUntil: after }, now))).toEqual(['validUntil'])
  expect(pathsOf(validateValidity({ validFrom: null, validUntil: before }, now))).toEqual(['validUntil'])
})

it('a reason may be required, and has at most 500 characters', () => {
  expect(validateReason(null)).toEqual([])
  expect(pathsOf(validateReason(' ', { required: true }))).toEqual(['reason'])
  expect(pathsOf(validateReason('x'.repeat(501)))).toEqual(['reason'])
})
