import type { SimulatorDependencies } from '../dependencies.ts'
import type { Reply } from '../http/reply.ts'
import type { Account } from '../record.ts'

export function avatarUrl({ url }: Pick<SimulatorDependencies, 'url'>, { username }: Account): string {
  return `${url()}/__local/avatar/${username}.svg`
}

/** A round picture with the first letter of a name; its colour depends on the name. */
export function avatar(name: string): Reply {
  const letter = /^[a-z\d]/i.exec(name)?.[0]?.toUpperCase() ?? '?'
  const hue = [...name].reduce((sum, character) => (sum * 31 + (character.codePointAt(0) ?? 0)) % 360, 7)
  const body = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">
<circle cx="50" cy="50" r="50" fill="hsl(${hue} 42% 46%)"/>
<text x="50" y="66" font-family="system-ui, sans-serif" font-size="46" fill="#fff" text-anchor="middle">${letter}</text>
</svg>`
  return { status: 200, text: { type: 'image/svg+xml', body } }
}
