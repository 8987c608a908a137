import { type Markup, markup } from './markup.ts'

/** A state word as a badge. */
export function badge(word: string): Markup {
  return markup`<span class="stage ${word.replaceAll(' ', '-')}">${word}</span>`
}
