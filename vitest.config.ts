import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Starts the longest files first, so that none of them runs alone at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const rankOf = ({ moduleId }: TestSpecification) =>
      moduleId.includes('/test/faults/long/') ? 0 : moduleId.includes('/test/faults/') ? 1 : 2
    return sorted.toSorted((a, b) => rankOf(a) - rankOf(b))
  }
}

export default defineConfig({
  // Resolves graphql as Node does. Otherwise our files get its `module` build and its other users `main`, and two copies meet.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/each-file.ts'],
    // Processes that tests start need a quarter less processor time until they run.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/node', import.meta.url)) },
    // Only ends what hangs; a slow machine is no failure.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Test files share nothing but modules, and no test changes one: loading them again for each file takes a second each.
    isolate: false,
    // For two cores: while one file waits, two others run. With four, each takes longer and nothing is gained.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
})
