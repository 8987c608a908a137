import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { explainDataDirectoryError } from '../startup-error.ts'

/** Makes the data directory, if it is not there. Throws `StartupError` where it cannot be worked in. */
export async function openDataDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true })
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw explainDataDirectoryError(error, directory)
  }
}

/** A path as a person would type it here. */
export function shortPath(absolute: string): string {
  const relative = path.relative('.', absolute)
  return relative.startsWith('..') ? absolute : relative
}
