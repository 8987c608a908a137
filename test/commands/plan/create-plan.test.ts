import { expect, it } from 'vitest'
import { validatePlanName } from '../../../src/commands/plan/create-plan.ts'

it('refuses a name of invisible characters: nobody could find the plan', () => {
  for (const blank of ['\u200b', '\u2060\u200e', '\u3164', '\u00ad'])
    expect(validatePlanName(blank)).toEqual([
      { path: 'name', message: expect.stringContaining('can be seen') },
    ])
  expect(validatePlanName(' \u200bOtters ')).toEqual([])
})
