import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { schema } from './schema.ts'

/** Writes the printed schema to `schema.graphql`. With `--check` it compares both and reports the first difference. */
const file = new URL('../../../schema.graphql', import.meta.url)
const printed = `${printSchema(lexicographicSortSchema(schema))}\n`

if (!process.argv.includes('--check')) {
  await writeFile(file, printed)
} else {
  const committed = await readFile(file, 'utf8').catch(() => '')
  if (committed !== printed) {
    const before = committed.split('\n')
    const after = printed.split('\n')
    const line = after.findIndex((text, index) => text !== before[index])
    process.stderr.write(
      `${fileURLToPath(file)} differs from the code, first in line ${line + 1}:\n- ${before[line] ?? ''}\n+ ${after[line] ?? ''}\n` +
        'Run `npm run schema` and review the change: it changes the public contract.\n',
    )
    process.exitCode = 1
  }
}
