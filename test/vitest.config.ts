import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** First what mostly waits for minutes to pass, then what kills processes, so that nothing is left waiting for them alone. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const rankOf = ({ moduleId }: TestSpecification) =>
      moduleId.endsWith('/full-windows.test.ts') ? 0 : moduleId.includes('/test/faults/') ? 1 : 2
    return sorted.toSorted((a, b) => rankOf(a) - rankOf(b))
  }
}

export default defineConfig({
  // As Node resolves it: otherwise our files get graphql's `module` build, its other users `main`, and two copies meet.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // Here as in the tests themselves: to end what hangs. No machine is too slow.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Two cores: more files at once only make each other late.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
  },
})
