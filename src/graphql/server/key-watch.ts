import type { Db } from '../../store/database.ts'
import { filterValidKeys } from '../../store/tenant/api-keys.ts'
import { requestError } from '../schema/error.ts'

/** The code with which graphql-ws closes a socket whose key is not, or no longer, accepted. */
export const keyRevokedClose = { code: 4403, reason: 'The API key was revoked.' } as const

/** What a client has open under a key. */
export interface WatchedKey {
  /** Aborted once the key does not work any more. */
  readonly revoked: AbortSignal
  /** Waits until the key was found to work a moment ago, or has ended, or the watch closes. */
  confirmed(): Promise<void> | undefined
  release(): void
}

/** Knows every key that has something open in this process, and ends what it has open once the key is revoked. */
export interface KeyWatch {
  /** Keeps an eye on a key that has just signed in. `end` is called once, when it does not work any more. */
  watch(keyId: string, onRevoked?: () => void): WatchedKey
  /** For whoever has read that a key was revoked before the next check at the table. */
  markRevoked(keyId: string): void
  close(): void
}

export const keyRevokedError = () => requestError('UNAUTHENTICATED', keyRevokedClose.reason)

/** Revocation ends everything within a second: so much is left for a check that has to wait for its connection. */
const checkIntervalMs = 250
/** While the table cannot be asked, nothing more leaves under a key that was last found to work this long ago. */
const maxConfirmationAgeMs = 750

interface Entry {
  readonly abort: AbortController
  holders: number
  confirmedAt: number
}

/**
 * One query for all keys, four times a second while there are any. Not by NOTIFY: whoever misses one would go on
 * listening with a key that was taken from them.
 */
export function createKeyWatch(options: {
  readonly db: Db
  readonly onError: (error: unknown) => void
  /** In milliseconds, from any start. */
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
    const asked = new Map(entries)
    const at = now()
    try {
      const working = new Set(await filterValidKeys(db, [...asked.keys()]))
      for (const [keyId, entry] of asked) {
        if (working.has(keyId)) entry.confirmedAt = Math.max(entry.confirmedAt, at)
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
      const entry = entries.get(keyId) ?? { abort: new AbortController(), holders: 0, confirmedAt: now() }
      entries.set(keyId, entry)
      entry.holders += 1
      entry.confirmedAt = now()
      const { signal } = entry.abort
      if (onRevoked) signal.addEventListener('abort', onRevoked, { once: true })
      const isFresh = () => isClosed || signal.aborted || now() - entry.confirmedAt <= maxConfirmationAgeMs
      let isReleased = false
      return {
        revoked: signal,
        confirmed: () =>
          isFresh()
            ? undefined
            : (async () => {
                while (!isFresh()) await checked.promise
              })(),
        release() {
          if (isReleased) return
          isReleased = true
          if (onRevoked) signal.removeEventListener('abort', onRevoked)
          entry.holders -= 1
          if (entry.holders === 0 && entries.get(keyId) === entry) entries.delete(keyId)
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
