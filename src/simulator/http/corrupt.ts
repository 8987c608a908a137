import type { FaultEffect } from '../fault.ts'

/** The change that a fault makes to the body of a reply, if any. */
export function corruptionOf(effect: FaultEffect | undefined): ((body: string) => string) | undefined {
  if (effect?.kind === 'garble') return (body) => body.slice(0, body.length / 2)
  if (effect?.kind !== 'mangle') return undefined
  switch (effect.as) {
    case 'prose':
      return (body) => `Sure, here is the answer:\n\`\`\`json\n${body}\n\`\`\`\nLet me know if you need more.`
    case 'python':
      return asPython
    case 'html':
      return () => '<html><head><title>502 Bad Gateway</title></head><body>upstream</body></html>'
  }
}

/** JSON as Python prints a dict: single quotes, True, False and None. */
function asPython(body: string): string {
  return body.replace(/"((?:[^"\\]|\\.)*)"|\btrue\b|\bfalse\b|\bnull\b/g, (token, text?: string) => {
    if (text !== undefined) return `'${text.replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
    return { true: 'True', false: 'False', null: 'None' }[token] ?? token
  })
}
