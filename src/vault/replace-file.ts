import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/**
 * Puts a text in the place of a file, readable by its owner only: a reader sees the old content or the new, and after the
 * return the new one survives a power cut.
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

/** Makes sure that a file's name survives a power cut, whoever has written it. */
export function syncDirectoryOf(file: string): void {
  const directory = openSync(path.dirname(file), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
