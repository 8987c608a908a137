import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { buildSchema, type DocumentNode, isEnumType, Kind, parse, validate } from 'graphql'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTenant, createTestApi, type Tenant } from '../graphql/support.ts'
import { createTestDatabase } from '../support/database.ts'
import { blocksOf, type Page, readPages } from './pages.ts'

const root = new URL('../..', import.meta.url).pathname
const pages = await readPages()
const schema = buildSchema(await readFile(path.join(root, 'schema.graphql'), 'utf8'))

interface Example {
  readonly page: string
  readonly title: string
  readonly text: string
  readonly document: DocumentNode
}

/** The operations of a page: `graphql` blocks, queries in the JSON of commands, and operations in inline code. */
function examplesOf(page: Page): readonly Example[] {
  const inJson = [...page.text.matchAll(/"query":\s*"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    // Shell variables stand inside of quotes that the shell removes.
    text.replace(/'\$\w+'/g, '$').replaceAll('\\"', '"'),
  )
  const inScript = [...page.text.matchAll(/= '((?:query|subscription|mutation)\b[^']*)'/g)].map(
    ([, text = '']) => text,
  )
  const inline = [...page.text.matchAll(/(?<!`)`((?:query|mutation|subscription)?\s*\{[^`]*\})`/g)]
    .map(([, text = '']) => text)
    .filter((text) => !text.includes('":') && !/^\{ \w+,/.test(text)) // Objects of JSON and JavaScript.
  return [...blocksOf(page, 'graphql'), ...inJson, ...inScript, ...inline].map((text) => ({
    page: page.name,
    title: text.replace(/\s+/g, ' ').trim().slice(0, 80),
    text,
    document: parse(text),
  }))
}

const examples = pages.flatMap(examplesOf)

describe('the GraphQL operations of the documentation', () => {
  it('are found in the API guide and in the README', () => {
    expect(examples.filter(({ page }) => page === 'docs/api.md').length).toBeGreaterThan(10)
    expect(examples.some(({ page }) => page === 'README.md')).toBe(true)
  })

  it.each(examples)('match the schema: $page: $title', ({ document }) => {
    expect(validate(schema, document).map(({ message }) => message)).toEqual([])
  })

  describe('that are queries without variables', () => {
    let tenant: Tenant
    beforeAll(async () => {
      const database = await createTestDatabase()
      tenant = await createTenant(database, await createTestApi(database))
    })
    const runnable = examples.filter(({ document }) =>
      document.definitions.every(
        (each) =>
          each.kind === Kind.OPERATION_DEFINITION &&
          each.operation === 'query' &&
          (each.variableDefinitions ?? []).length === 0,
      ),
    )

    it.each(runnable)('return data: $page: $title', async ({ text }) => {
      expect(await tenant.request(text)).toBeTruthy()
    })
  })
})

describe('the API guide', () => {
  const guide = pages.find(({ name }) => name === 'docs/api.md')?.text ?? ''
  const codesBelow = (heading: string) => {
    const section = guide.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
    const cells = [...section.matchAll(/^\| ([^|]*) \|/gm)].map(([, cell = '']) => cell)
    return cells.flatMap((cell) => [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, code = '']) => code))
  }

  it('lists the code of every typed error, and no other', () => {
    const type = schema.getType('ErrorCode')
    const codes = isEnumType(type) ? type.getValues().map(({ name }) => name) : []
    expect(codesBelow('Mutations and their errors').toSorted()).toEqual(codes.toSorted())
  })

  it('lists the code of every request error that the server returns', async () => {
    const typed = new Set(codesBelow('Mutations and their errors').filter((code) => code !== 'NOT_FOUND'))
    const sources = await readSources('src/graphql', /^(server|mutation|events|schema)\/[\w-]+\.ts$/)
    const thrown = sources.matchAll(/(?:code: |requestError\(\s*)'([A-Z_]{5,})'/g)
    const codes = new Set([...thrown].map(([, code = '']) => code).filter((code) => !typed.has(code)))
    expect([...codes].filter((code) => !codesBelow('Request errors').includes(code))).toEqual([])
  })

  it('lists the type of every event', async () => {
    const sources = await readSources('src/commands')
    const types = sources.matchAll(
      /'((?:job|account|plan|slots?|quota|breaker|apiKey|organization|rateLimit)\.[a-z]\w+)'/g,
    )
    const missing = [...types].map(([, type = '']) => type).filter((type) => !guide.includes(`\`${type}\``))
    expect(missing).toEqual([])
  })
})

async function readSources(folder: string, pattern = /\.ts$/): Promise<string> {
  const names = await readdir(path.join(root, folder), { recursive: true })
  const files = names.filter((name) => pattern.test(name))
  const texts = await Promise.all(files.map((name) => readFile(path.join(root, folder, name), 'utf8')))
  return texts.join('\n')
}
