import { layOutCaption } from './caption.ts'
import { findUndrawable, widthOf } from './font.ts'
import { labelSize, safeAreaOf } from './safe-area.ts'
import type { Storyboard, StoryboardIssue } from './storyboard.ts'

/** Finds the texts that cannot be drawn or do not fit, each with the path of its field. */
export function findLayoutIssues({ scenes, handle, size }: Storyboard): StoryboardIssue[] {
  const issues: StoryboardIssue[] = []
  const check = (path: string, text: string | undefined, problem: (text: string) => string | undefined) => {
    const message = text === undefined ? undefined : (undrawableMessage(text) ?? problem(text))
    if (message !== undefined) issues.push({ path, message })
  }

  const { unit, captionWidth } = safeAreaOf(size)
  const labelProblem = (points: number) => (text: string) => {
    const excess = widthOf(text, 'label', points * unit) / captionWidth
    if (excess <= 1) return undefined
    return `is too wide for one line: about ${Math.floor([...text].length / excess)} characters fit`
  }

  check('handle', handle, labelProblem(labelSize.handle))
  scenes.forEach((scene, index) => {
    check(`scenes.${index}.kicker`, scene.kicker, labelProblem(labelSize.kicker))
    check(`scenes.${index}.text`, scene.text, (text) =>
      layOutCaption(text, size) === undefined
        ? 'is too long: it must fit 4 lines at the smallest font size; split it into two scenes'
        : undefined,
    )
  })
  return issues
}

function undrawableMessage(text: string): string | undefined {
  const character = findUndrawable(text)
  if (character === undefined) return undefined
  const code = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')
  return `has "${character}" (U+${code}), which no installed font can draw; install a font that has it, or remove it`
}
