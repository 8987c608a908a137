import { expect, it } from 'vitest'
import { formatBar } from '../../src/rehearsal/progress-line.ts'

it.each([
  [{ completed: 0, total: 4, unit: 'scenes' }, '░░░░░░░░░░░░░░░░  0/4 scenes'],
  [{ completed: 1.56, total: 4, unit: 'scenes' }, '██████░░░░░░░░░░  1.5/4 scenes'],
  [{ completed: 2, total: 2, unit: 'chunks' }, '████████████████  2/2 chunks'],
] as const)('the progress %o is drawn as a bar with its numbers', (progress, bar) => {
  expect(formatBar(progress)).toBe(bar)
})
