/** The types with a global id, which the query `node` accepts. */
export type NodeName = 'Organization' | 'ApiKey' | 'Account' | 'Plan' | 'Slot' | 'Job' | 'Scan' | 'Media'

const names: ReadonlySet<string> = new Set<NodeName>([
  'Organization',
  'ApiKey',
  'Account',
  'Plan',
  'Slot',
  'Job',
  'Scan',
  'Media',
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

/** Decodes a global id; null for text that this API cannot have issued. */
export function decodeGlobalId(text: string): GlobalId | null {
  const decoded = Buffer.from(text, 'base64url').toString('utf8')
  const [name = '', id = ''] = decoded.split(':', 2)
  if (!names.has(name) || encodeGlobalId(name, id) !== text.replaceAll('=', '')) return null
  if (!(name === 'ApiKey' ? keyId : uuid).test(id)) return null
  return { name: name as NodeName, id } // Contained in `names`.
}
