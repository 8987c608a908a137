/** HTML that needs no escaping. */
export interface Markup {
  readonly html: string
}

export type Content = Markup | string | number | undefined | false | readonly Content[]

/** A template for HTML. Interpolated text is escaped; interpolated markup is not. */
export function markup(strings: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return { html: String.raw({ raw: strings }, ...contents.map(render)) }
}

function render(content: Content): string {
  if (content === undefined || content === false) return ''
  if (typeof content === 'number') return String(content)
  if (typeof content === 'string') return escapeHtml(content)
  return 'html' in content ? content.html : content.map(render).join('')
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** A state as a badge. */
export function badge(word: string): Markup {
  return markup`<span class="stage ${word.replaceAll(' ', '-')}">${word}</span>`
}
