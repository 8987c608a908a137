import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/**
 * Replaces the content of a file atomically and durably. The file is readable by its owner only. A concurrent reader gets the
 * old content or the new; after the return the new content survives a power cut.
 */
export function replaceFile(file: string, text: string): void {
  const part = `${file}.${randomUUID()}.part`
  try {
    writeFileSync(part, text, { flag: 'wx', mode: 0o600, flush: true })
    renameSync(part, file)
  } finally {
    rmSync(part, { force: true })
  }
  syncDirectoryOf(file)
}

/** Syncs the directory of a file, so that the file's name survives a power cut. */
export function syncDirectoryOf(file: string): void {
  const directory = openSync(path.dirname(file), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
