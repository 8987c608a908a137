import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { explainDataDirectoryError } from '../startup-error.ts'

/** Creates the data directory if it does not exist. Throws `StartupError` if it cannot be used. */
export async function openDataDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true })
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw explainDataDirectoryError(error, directory)
  }
}

/** The path relative to the working directory, if it lies below it. */
export function shortPath(absolute: string): string {
  const relative = path.relative('.', absolute)
  return relative.startsWith('..') ? absolute : relative
}
