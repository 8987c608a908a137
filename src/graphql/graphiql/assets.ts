import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { live, welcome } from './operations.ts'

/** A file that the page loads. */
export interface Asset {
  readonly contentType: string
  /** Its bytes in an encoding; compressed once a process. */
  encoded(encoding: Encoding): Promise<Buffer>
}

export interface Assets {
  /** Changes with any of the files: what is under it never does. */
  readonly hash: string
  readonly byName: ReadonlyMap<string, Asset>
}

export type Encoding = 'br' | 'gzip' | 'identity'

const script = 'text/javascript; charset=utf-8'
const style = 'text/css; charset=utf-8'
const ownFile = (name: string) => readFile(new URL(`./browser/${name}`, import.meta.url), 'utf8')

let loading: Promise<Assets> | undefined

/** The files of GraphiQL and of our page around it: 9 MB, so that they are read only once somebody opens the page. */
export function loadAssets(): Promise<Assets> {
  loading ??= load()
  return loading
}

async function load(): Promise<Assets> {
  const graphiql = await import('@graphql-yoga/render-graphiql/graphiql')
  const options = {
    title: 'Reelpilot',
    defaultTabs: [{ query: welcome }, { query: live }],
    shouldPersistHeaders: false,
  }
  const texts: readonly (readonly [name: string, contentType: string, text: string])[] = [
    ['graphiql.js', script, graphiql.js],
    ['graphiql.css', style, graphiql.css],
    ['editorWorkerService.js', script, graphiql.editorWorkerService],
    ['json.js', script, graphiql.jsonWorker],
    ['graphql.js', script, graphiql.graphqlWorker],
    ['page.js', script, `const options = ${JSON.stringify(options)}\n${await ownFile('page.js')}`],
    ['page.css', style, await ownFile('page.css')],
  ]
  const hash = createHash('sha256')
  for (const [name, , text] of texts) hash.update(`${name}\0${text}\0`)
  const byName = new Map(texts.map(([name, contentType, text]) => [name, assetOf(contentType, text)]))
  return { hash: hash.digest('hex').slice(0, 16), byName }
}

function assetOf(contentType: string, text: string): Asset {
  const content = Buffer.from(text)
  const made = new Map<Encoding, Promise<Buffer>>()
  return {
    contentType,
    encoded(encoding) {
      const bytes = made.get(encoding) ?? compress(content, encoding)
      made.set(encoding, bytes)
      return bytes
    },
  }
}

async function compress(content: Buffer, encoding: Encoding): Promise<Buffer> {
  switch (encoding) {
    case 'br':
      // The highest qualities take ten times as long for a tenth less.
      return await promisify(brotliCompress)(content, {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: 5,
          [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
        },
      })
    case 'gzip':
      return await promisify(gzip)(content)
    case 'identity':
      return content
  }
}

/** The best encoding that a client takes (RFC 9110, 12.5.3). */
export function encodingFor(accepted: string | undefined): Encoding {
  const taken = (accepted ?? '').split(',').flatMap((each) => {
    const [name = '', ...parameters] = each.split(';').map((part) => part.trim().toLowerCase())
    return parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)) ? [] : [name]
  })
  return taken.includes('br') ? 'br' : taken.includes('gzip') ? 'gzip' : 'identity'
}
