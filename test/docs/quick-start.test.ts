import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { startAppProcess, untilReady } from '../support/app-process.ts'
import { createTestDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'
import { blocksOf, readPages } from './pages.ts'

const root = new URL('../..', import.meta.url).pathname
const pages = await readPages()

/** What the page's commands need: curl, and a `date` that computes. */
const hasTools =
  spawnSync('curl', ['--version']).status === 0 &&
  spawnSync('date', ['-d', '+2 minutes', '+%FT%T']).status === 0

/** Runs a block of the page in bash; returns what it prints. `…` after a variable stands for a value of the output before. */
async function runBlock(block: string, variables: Record<string, string>, directory: string) {
  const script = block
    .replace(/^(\w+)=.*…$/gm, '')
    .replaceAll('localhost:4000', `127.0.0.1:${variables.PORT}`)
    // A stream does not end; curl exits with 28 when its time is over.
    .replace(/curl -N ((?:[^\\\n]|\\\n|\\.)*)/g, 'curl -sN --max-time 5 $1 || [ $? = 28 ]')
    .replaceAll('> slots.json', `> ${directory}/slots.json`)
    .replaceAll('@slots.json', `@${directory}/slots.json`)
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: root,
    env: { PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  const [code] = await once(child, 'close')
  expect(code, output).toBe(0)
  return output
}

it('the quick start leads from an API key to an approved plan, command by command', async ({ skip }) => {
  if (!hasTools) return skip('needs curl and GNU date')
  const page = pages.find(({ name }) => name === 'docs/quick-start.md')
  const blocks = page ? blocksOf(page, 'sh').filter((block) => !block.includes('npm ')) : []
  expect(blocks.length).toBeGreaterThanOrEqual(5)
  const prelude = blocks[0] ?? ''

  const database = await createTestDatabase()
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-quick-start-'))
  const port = await freePort()
  // Without a TikTok app an empty database is filled for the rehearsal. There is no worker, so nothing is rendered.
  const app = startAppProcess('api', {
    DATABASE_URL: database.url,
    REELPILOT_DATA: directory,
    REELPILOT_SECRET_KEY: randomBytes(32).toString('base64'),
    PORT: String(port),
    TIKTOK_LOCAL_PORT: '0',
    LOG_LEVEL: 'warn',
  })
  await untilReady(port, app)
  const [, key = ''] = /API key +(rp_live_\w+)/.exec(app.output()) ?? []
  const variables: Record<string, string> = { KEY: key, PORT: String(port) }

  const outputs: string[] = []
  for (const block of blocks) {
    // A block that has placeholders sets them from its own answers, in their order.
    const parts = block.split(/^(\w+)=…$/m)
    for (const [index, part] of parts.entries()) {
      if (index % 2 === 1) {
        const [, id = ''] = /"id":"([^"]+)"/.exec(outputs.at(-1) ?? '') ?? []
        expect(id).not.toBe('')
        variables[part] = id
      } else if (part.trim() !== '')
        outputs.push(await runBlock(block === prelude ? part : `${prelude}\n${part}`, variables, directory))
    }
  }
  const all = outputs.join('\n')
  expect(all).not.toMatch(/"errors"|:\{"message"/)
  expect(all).toMatch(/"slots":\[\{"id":"[^"]+","publishAt":"/)
  // The stream at the end shows what the commands before it have done.
  expect(outputs.at(-1)).toContain('data: {"data":{"events":{"sequence":1,')
  const plan = await database.runtime.db
    .selectFrom('plan')
    .select(['state', 'autopilot'])
    .where('name', '=', 'My plan')
    .execute()
  expect(plan).toEqual([{ state: 'approved', autopilot: true }])

  app.child.kill('SIGTERM')
  await app.exited
  await rm(directory, { recursive: true, force: true })
}, 180_000)
