import { join } from 'node:path'
import type { Faults } from './fault.ts'
import type { Account, LocalApp } from './record.ts'
import type { RecordStore } from './record-store.ts'
import type { SimulatorSettings } from './settings.ts'

/** What every part of the simulator needs. */
export interface SimulatorDependencies {
  readonly app: () => LocalApp
  readonly recordStore: RecordStore
  readonly faults: Faults
  readonly settings: () => SimulatorSettings
  readonly changeSettings: (patch: Partial<SimulatorSettings>) => void
  /** Milliseconds since 1970 by the simulator's own clock. */
  readonly now: () => number
  /** The base URL of this server, for upload URLs. */
  readonly url: () => string
  readonly directory: string
}

/** The file with the bytes of a video, or of one photo of several. */
export function mediaPath({ directory }: SimulatorDependencies, publishId: string, photo?: number): string {
  return join(directory, 'media', photo === undefined ? `${publishId}.mp4` : `${publishId}.${photo}`)
}

export function findAccount(
  { recordStore }: Pick<SimulatorDependencies, 'recordStore'>,
  username: string,
): Account | undefined {
  return recordStore.all('account').find((account) => account.username === username)
}
