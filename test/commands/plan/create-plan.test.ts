import { expect, it } from 'vitest'
import { validatePlanName } from '../../../src/commands/plan/create-plan.ts'

it('a plan name without a visible character is refused', () => {
  for (const blank of ['\u200b', '\u2060\u200e', '\u3164', '\u00ad'])
    expect(validatePlanName(blank)).toEqual([
      { path: 'name', message: expect.stringContaining('visible character') },
    ])
  expect(validatePlanName(' \u200bOtters ')).toEqual([])
})
