import type { Db } from '../../store/database.ts'
import { filterValidKeys } from '../../store/tenant/api-keys.ts'
import { requestError } from '../schema/error.ts'

/** The close code (`Forbidden` in graphql-ws) and reason for a WebSocket whose API key was revoked. */
export const keyRevokedClose = { code: 4403, reason: 'The API key was revoked.' } as const

/** One stream, socket or response that was opened with an API key. */
export interface WatchedKey {
  /** Aborted when the key is revoked or expires. */
  readonly revoked: AbortSignal
  /** Whether the key was found valid within the last 750 ms. */
  isConfirmed(): boolean
  /** Resolves once the key was recently found valid, is revoked, or the watch closes. */
  confirmed(): Promise<void> | undefined
  release(): void
}

/** Watches every API key that has something open in this process, and reports its revocation. */
export interface KeyWatch {
  /**
   * Watches a key that was just authenticated. That confirms it only if it was not watched before: the key may have been authenticated
   * by its last confirmation, which is as old as it was. Calls `onRevoked` once, when the key is revoked.
   */
  watch(keyId: string, onRevoked?: () => void): WatchedKey
  /** Reports a revocation that the caller learned before the next check of the table. */
  markRevoked(keyId: string): void
  close(): void
}

export const keyRevokedError = () => requestError('UNAUTHENTICATED', keyRevokedClose.reason)

/** Revocation must take effect within a second. The interval leaves 750 ms for a check that waits for a connection. */
const checkIntervalMs = 250
/** While the table cannot be read, nothing is sent under a key whose last confirmation is older than this. */
const maxConfirmationAgeMs = 750

interface Entry {
  readonly abort: AbortController
  watcherCount: number
  confirmedAt: number
}

/**
 * Checks all watched keys with one query, four times a second. Polls instead of listening for NOTIFY: a lost notification
 * would leave a stream open under a revoked key.
 */
export function createKeyWatch(options: {
  readonly db: Db
  readonly onError: (error: unknown) => void
  /** A monotonic clock in milliseconds. Default: `performance.now`. */
  readonly now?: () => number
}): KeyWatch {
  const { db, onError, now = () => performance.now() } = options
  const entries = new Map<string, Entry>()
  let checked = Promise.withResolvers<void>()
  let isChecking = false
  let isClosed = false

  const markRevoked = (keyId: string) => {
    const entry = entries.get(keyId)
    entries.delete(keyId)
    entry?.abort.abort()
  }
  const check = async (): Promise<void> => {
    if (isChecking || entries.size === 0) return
    isChecking = true
    const snapshot = new Map(entries)
    const at = now()
    try {
      const valid = new Set(await filterValidKeys(db, [...snapshot.keys()]))
      for (const [keyId, entry] of snapshot) {
        if (valid.has(keyId)) entry.confirmedAt = Math.max(entry.confirmedAt, at)
        else if (entries.get(keyId) === entry) markRevoked(keyId)
      }
    } catch (error) {
      onError(error)
    } finally {
      isChecking = false
      checked.resolve()
      checked = Promise.withResolvers<void>()
    }
  }
  const timer = setInterval(check, checkIntervalMs)

  return {
    watch(keyId, onRevoked) {
      const entry = entries.get(keyId) ?? {
        abort: new AbortController(),
        watcherCount: 0,
        confirmedAt: now(),
      }
      entries.set(keyId, entry)
      entry.watcherCount += 1
      const { signal } = entry.abort
      if (onRevoked) signal.addEventListener('abort', onRevoked, { once: true })
      const isRecent = () => now() - entry.confirmedAt <= maxConfirmationAgeMs
      const isConfirmed = () => isClosed || signal.aborted || isRecent()
      let isReleased = false
      return {
        revoked: signal,
        isConfirmed: () => !isClosed && !signal.aborted && isRecent(),
        confirmed: () =>
          isConfirmed()
            ? undefined
            : (async () => {
                while (!isConfirmed()) await checked.promise
              })(),
        release() {
          if (isReleased) return
          isReleased = true
          if (onRevoked) signal.removeEventListener('abort', onRevoked)
          entry.watcherCount -= 1
          if (entry.watcherCount === 0 && entries.get(keyId) === entry) entries.delete(keyId)
        },
      }
    },
    markRevoked,
    close() {
      isClosed = true
      clearInterval(timer)
      checked.resolve()
    },
  }
}
