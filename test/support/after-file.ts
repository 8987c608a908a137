type Cleanup = () => unknown

const cleanups: Cleanup[] = []

/**
 * Cleans up after the calling test file, in the reverse order. Unlike `afterAll`, which is ignored inside of `beforeAll`, it may be
 * called at any time.
 */
export function afterFile(cleanup: Cleanup): void {
  cleanups.push(cleanup)
}

/** Runs what `afterFile` was given, also if a part of it fails. */
export async function cleanUpAfterFile(): Promise<void> {
  const failures: unknown[] = []
  for (const cleanup of cleanups.splice(0).reverse()) {
    try {
      await cleanup()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'a test file was not cleaned up')
}
