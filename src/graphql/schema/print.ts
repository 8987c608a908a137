import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { schema } from './schema.ts'

/** Writes the public contract to `schema.graphql`; with `--check` only compares, and says where the two part. */
const file = new URL('../../../schema.graphql', import.meta.url)
const printed = `${printSchema(lexicographicSortSchema(schema))}\n`

if (!process.argv.includes('--check')) {
  await writeFile(file, printed)
} else {
  const kept = await readFile(file, 'utf8').catch(() => '')
  if (kept !== printed) {
    const before = kept.split('\n')
    const after = printed.split('\n')
    const line = after.findIndex((text, index) => text !== before[index])
    process.stderr.write(
      `${fileURLToPath(file)} is not what the code says, from line ${line + 1}:\n- ${before[line] ?? ''}\n+ ${after[line] ?? ''}\n` +
        'Run `npm run schema`, and read the difference: it is the public contract.\n',
    )
    process.exitCode = 1
  }
}
