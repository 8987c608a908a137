import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

const root = new URL('../..', import.meta.url).pathname

/** A page for readers, with its path from the project's root. */
export interface Page {
  readonly name: string
  readonly text: string
}

/** The pages in the root and in docs/. */
export async function readPages(): Promise<readonly Page[]> {
  const inRoot = (await readdir(root)).filter((name) => name.endsWith('.md'))
  const inDocs = (await readdir(path.join(root, 'docs'), { recursive: true }))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name))
  return await Promise.all(
    [...inRoot, ...inDocs].map(async (name) => ({
      name,
      text: await readFile(path.join(root, name), 'utf8'),
    })),
  )
}

/** The fenced blocks of a page in one language. */
export function blocksOf({ text }: Page, language: string): readonly string[] {
  const fence = new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^\\1\`\`\``, 'gm')
  return [...text.matchAll(fence)].map(([, , block = '']) => block)
}
