import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { live, welcome } from './operations.ts'

/** A file that the GraphiQL page loads. */
export interface Asset {
  readonly contentType: string
  /** The content in an encoding. Each encoding is compressed once per process. */
  encoded(encoding: Encoding): Promise<Buffer>
}

export interface Assets {
  /** Changes with any of the files, so that their URLs can be cached forever. */
  readonly hash: string
  readonly byName: ReadonlyMap<string, Asset>
}

export type Encoding = 'br' | 'gzip' | 'identity'

const script = 'text/javascript; charset=utf-8'
const style = 'text/css; charset=utf-8'
const ownFile = (name: string) => readFile(new URL(`./browser/${name}`, import.meta.url), 'utf8')

let loading: Promise<Assets> | undefined

/** Loads the files of GraphiQL and of the page around it, 9 MB, when the page is first opened. */
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
  const encodings = new Map<Encoding, Promise<Buffer>>()
  return {
    contentType,
    encoded(encoding) {
      const bytes = encodings.get(encoding) ?? compress(content, encoding)
      encodings.set(encoding, bytes)
      return bytes
    },
  }
}

async function compress(content: Buffer, encoding: Encoding): Promise<Buffer> {
  switch (encoding) {
    case 'br':
      // The highest qualities take ten times as long and save another tenth.
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

/** The best encoding that a client accepts (RFC 9110, 12.5.3). */
export function encodingFor(accepted: string | undefined): Encoding {
  const names = (accepted ?? '').split(',').flatMap((each) => {
    const [name = '', ...parameters] = each.split(';').map((part) => part.trim().toLowerCase())
    return parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)) ? [] : [name]
  })
  return names.includes('br') ? 'br' : names.includes('gzip') ? 'gzip' : 'identity'
}
