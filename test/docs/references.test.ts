import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseCommandLine } from '../../src/cli/command-line.ts'
import { readConfig } from '../../src/config.ts'
import { readPages } from './pages.ts'

const root = new URL('../..', import.meta.url).pathname
const pages = await readPages()
const exists = (name: string) => existsSync(path.join(root, name))

/** The anchor that a heading gets. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s-]/gu, '')
    .trim()
    .replace(/\s/g, '-')

describe.each(pages)('$name', ({ name, text }) => {
  it('links only to pages and headings that exist', async () => {
    const broken: string[] = []
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const linked = file === '' ? name : path.normalize(path.join(path.dirname(name), file))
      if (!exists(linked)) broken.push(target)
      else if (anchor !== undefined) {
        const headings = (await readFile(path.join(root, linked), 'utf8')).matchAll(/^#+ (.*)$/gm)
        if (![...headings].some(([, heading = '']) => anchorOf(heading) === anchor)) broken.push(target)
      }
    }
    expect(broken).toEqual([])
  })

  it('names only files and folders of the project that exist', () => {
    const named = text.matchAll(/(?:^|[\s`(|])((?:src|machines|migrations|test|docs|\.ci)\/[\w./-]*\w)/gm)
    expect([...named].map(([, file = '']) => file).filter((file) => !exists(file))).toEqual([])
  })

  it('names only npm scripts that exist', async () => {
    const { scripts } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'))
    const named = [...text.matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, script = '']) => script)
    expect(named.filter((script) => !(script in scripts))).toEqual([])
  })
})

describe('the commands that the pages name', () => {
  /** The words of a shell line, without its comment; quotes are removed, and a URL of the page is one word. */
  const wordsOf = (line: string) =>
    [...line.replace(/\s#.*$/, '').matchAll(/"([^"]*)"|(\S+)/g)].map(
      ([, quoted, plain]) => quoted ?? plain ?? '',
    )
  const named = pages.flatMap(({ name, text }) =>
    [...text.matchAll(/npm start -- ([^`\n]+)/g)].map(([, line = '']) => ({ name, words: wordsOf(line) })),
  )

  it('are parsed by the command line as they are written', () => {
    expect(named.length).toBeGreaterThan(10)
    for (const { words } of named) expect(parseCommandLine(words), words.join(' ')).toBeDefined()
  })

  it('include every command of the help', () => {
    const help = parseCommandLine(['--help'])
    const commands =
      help.kind === 'help' ? [...help.text.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name) : []
    const mentioned = new Set(named.map(({ words }) => words[0]))
    expect(commands.filter((name) => name !== 'start' && !mentioned.has(name))).toEqual([])
  })
})

describe('docs/settings.md', () => {
  const page = pages.find(({ name }) => name === 'docs/settings.md')
  const rows = [...(page?.text ?? '').matchAll(/^\| `(\w+)` \| (?:`([^`]*)`|([^|]*)) \|/gm)].map(
    ([, setting = '', value]) => ({ setting, value }),
  )

  it('lists every setting that the program reads, and no other', async () => {
    const config = await readFile(path.join(root, 'src/config.ts'), 'utf8')
    const read = [...config.matchAll(/^ {4}([A-Z][A-Z\d_]+): /gm)].map(([, setting]) => setting)
    expect(rows.map(({ setting }) => setting).toSorted()).toEqual(read.toSorted())
  })

  it.each(rows.filter(({ value }) => value !== undefined))(
    'states the default of $setting',
    ({ setting, value }) => {
      expect(readConfig({ [setting]: value }, false)).toEqual(readConfig({}, false))
      expect(readConfig({ [setting]: value }, false)).not.toEqual({})
    },
  )

  it('names no other setting anywhere in the pages', () => {
    const known = new Set(rows.map(({ setting }) => setting))
    const named = pages.flatMap(({ text }) =>
      [...text.matchAll(/`([A-Z]{2,}(?:_[A-Z]+)+)=?/g)].map(([, setting = '']) => setting),
    )
    const settingLike = named.filter((name) =>
      /^(REELPILOT|TIKTOK_(?:CLIENT|API|AUTHORIZE|LOCAL)|API_COST|DATABASE|REDIS|FFMPEG|PUBLIC|WORKER|RENDER|LOG)_/.test(
        name,
      ),
    )
    expect(settingLike.filter((name) => !known.has(name) && name !== 'FFMPEG_MISSING')).toEqual([])
  })
})
