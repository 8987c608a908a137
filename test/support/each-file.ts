import { afterAll } from 'vitest'
import { cleanUpAfterFile } from './after-file.ts'

// Registered before the hooks of the test file, and so run after them.
afterAll(cleanUpAfterFile)
