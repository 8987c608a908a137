/** The types that have an id of their own, and can be asked for by `node`. */
export type NodeName = 'Organization' | 'ApiKey' | 'Account' | 'Plan' | 'Slot' | 'Job' | 'Scan'

const names: ReadonlySet<string> = new Set<NodeName>([
  'Organization',
  'ApiKey',
  'Account',
  'Plan',
  'Slot',
  'Job',
  'Scan',
])
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const keyId = /^[0-9A-Za-z]{12}$/

export interface GlobalId {
  readonly name: NodeName
  readonly id: string
}

export function encodeGlobalId(name: string, id: string): string {
  return Buffer.from(`${name}:${id}`).toString('base64url')
}

/** Null for everything that this API did not give out; such an id is treated like one of nothing. */
export function decodeGlobalId(text: string): GlobalId | null {
  const decoded = Buffer.from(text, 'base64url').toString('utf8')
  const [name = '', id = ''] = decoded.split(':', 2)
  if (!names.has(name) || encodeGlobalId(name, id) !== text.replaceAll('=', '')) return null
  if (!(name === 'ApiKey' ? keyId : uuid).test(id)) return null
  return { name: name as NodeName, id } // Checked against the names above.
}
