import { text } from 'node:stream/consumers'
import type { S3Client } from './s3-client.ts'

/** An object of a listing. */
export interface ListedObject {
  readonly key: string
  readonly bytes: number
  /** How long ago it was put, by the server's clock. */
  readonly ageMs: number
}

/** Lists the objects whose keys begin with a prefix, in the order of their keys. */
export async function* listObjects(client: S3Client, prefix: string): AsyncGenerator<ListedObject> {
  let token: string | undefined
  do {
    const answer = await client.send({
      method: 'GET',
      key: '',
      query: { 'list-type': '2', prefix, ...(token !== undefined && { 'continuation-token': token }) },
    })
    const now = serverTime(answer)
    const page = await text(client.read(answer))
    for (const [, entry = ''] of page.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
      const [key, size, modified] = ['Key', 'Size', 'LastModified'].map((name) => textOf(entry, name))
      if (key === undefined || size === undefined || modified === undefined)
        throw new Error('a listing of the storage has an object without a key, a size or a time')
      yield { key, bytes: Number(size), ageMs: Math.max(0, now - Date.parse(modified)) }
    }
    token = textOf(page, 'IsTruncated') === 'true' ? textOf(page, 'NextContinuationToken') : undefined
  } while (token !== undefined)
}

/** The server's clock at its answer, epoch milliseconds, in whole seconds: ours may differ by minutes. */
export const serverTime = (answer: Response): number =>
  Date.parse(answer.headers.get('date') ?? '') || Date.now()

/** The text of an XML element without children. */
function textOf(xml: string, element: string): string | undefined {
  const found = new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1]
  return found?.replace(/&(amp|lt|gt|quot|apos|#\d+|#x[0-9a-f]+);/gi, (whole, name: string) =>
    name.startsWith('#x')
      ? String.fromCodePoint(Number.parseInt(name.slice(2), 16))
      : name.startsWith('#')
        ? String.fromCodePoint(Number(name.slice(1)))
        : (entities[name] ?? whole),
  )
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
