/** HTML that is safe to put into a page as it is. */
export interface Markup {
  readonly html: string
}

export type Piece = Markup | string | number | undefined | false | readonly Piece[]

/** A template for HTML: whatever is put into it is text and is escaped, unless it is markup already. */
export function markup(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  return { html: String.raw({ raw: strings }, ...pieces.map(written)) }
}

function written(piece: Piece): string {
  if (piece === undefined || piece === false) return ''
  if (typeof piece === 'number') return String(piece)
  if (typeof piece === 'string') return escapeHtml(piece)
  return 'html' in piece ? piece.html : piece.map(written).join('')
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** A state word as a badge. */
export function badge(word: string): Markup {
  return markup`<span class="stage ${word.replaceAll(' ', '-')}">${word}</span>`
}
