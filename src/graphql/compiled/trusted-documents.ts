import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { type DocumentNode, type GraphQLError, type GraphQLSchema, parse, validate } from 'graphql'
import { schema } from '../schema/schema.ts'
import type { KnownDocuments } from './known-documents.ts'

/** The texts of trusted documents by their ids. */
export type TrustedDocuments = ReadonlyMap<string, string>

/** The trusted documents cannot be read, or one of them is not valid. */
export class InvalidTrustedDocuments extends Error {
  override readonly name = 'InvalidTrustedDocuments'
}

const shipped = path.join(import.meta.dirname, '../operations')

/**
 * Reads the documents that the API ships with, whose ids are their names, and those of a file: a JSON object of texts by id, as
 * code generators write it. Throws `InvalidTrustedDocuments`.
 */
export async function readTrustedDocuments(file: string | undefined): Promise<TrustedDocuments> {
  const documents = new Map<string, string>()
  for (const name of await readdir(shipped)) {
    const text = await readFile(path.join(shipped, name), 'utf8')
    documents.set(path.basename(name, '.graphql'), text)
  }
  if (file === undefined) return documents
  const own = await readJson(file)
  for (const [id, text] of Object.entries(own)) {
    if (typeof text !== 'string')
      throw new InvalidTrustedDocuments(`${file}: the document "${id}" is not a string`)
    checkDocument(id, () => validate(schema, parse(text)))
    documents.set(id, text)
  }
  return documents
}

/** Compiles the documents after the general pipeline's own rules have found them valid. Throws `InvalidTrustedDocuments`. */
export function trustDocuments(
  trusted: TrustedDocuments,
  pipeline: { getEnveloped(context: object): Pipeline },
  documents: Pick<KnownDocuments, 'trust'>,
): void {
  for (const [id, text] of trusted) {
    const { schema, parse, validate } = pipeline.getEnveloped({})
    checkDocument(id, () => {
      const document = parse(text)
      const errors = validate(schema, document)
      if (errors.length === 0) documents.trust(text, document)
      return errors
    })
  }
}

function checkDocument(id: string, check: () => readonly GraphQLError[]): void {
  let error: unknown
  try {
    ;[error] = check()
  } catch (thrown) {
    error = thrown
  }
  if (error instanceof Error)
    throw new InvalidTrustedDocuments(`the document "${id}" is not valid: ${error.message}`, { cause: error })
}

interface Pipeline {
  readonly schema: GraphQLSchema
  parse(text: string): DocumentNode
  validate(schema: GraphQLSchema, document: DocumentNode): readonly GraphQLError[]
}

async function readJson(file: string): Promise<object> {
  let value: unknown
  try {
    value = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new InvalidTrustedDocuments(`${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new InvalidTrustedDocuments(`${file} must be a JSON object of documents by id`)
}
