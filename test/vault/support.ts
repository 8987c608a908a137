import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import type { AssociatedData } from '../../src/vault/encryptor.ts'
import { type KeyRing, keyRingOf } from '../../src/vault/key-ring.ts'

export const newKey = (): Buffer => randomBytes(32)

export const associatedData: AssociatedData = {
  organizationId: 'org-1',
  row: 'account-1',
  column: 'access_token',
}

/** A ring that can change while an encryptor uses it, like that of a key file. */
export function changingRing(...keys: readonly Buffer[]) {
  let ring = keyRingOf(keys)
  return {
    ring: (): KeyRing => ring,
    become: (...next: readonly Buffer[]) => {
      ring = keyRingOf(next)
    },
  }
}

export async function temporaryDirectory(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'reelpilot-vault-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}
