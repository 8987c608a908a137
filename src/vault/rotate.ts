import { type AssociatedData, DecryptionFailed, type Encryptor, KeyMissing } from './encryptor.ts'

export interface SealedRecord {
  readonly associatedData: AssociatedData
  readonly sealed: string
}

export interface Rotation {
  readonly total: number
  readonly rewrapped: number
  /**
   * Records that could not be brought under the primary key, by the id of the key that they still need, which must stay in
   * the ring. `none` counts those that name no key: any may be theirs, so then all must stay.
   */
  readonly remaining: Readonly<Record<string, number>>
}

/**
 * Brings records under the ring's primary key, one by one; stopped halfway it is simply begun again.
 *
 * `replace` puts `to` where `from` still stands and answers whether it did: a token that was refreshed meanwhile has been
 * sealed anew and must not be overwritten. Such a record, one that does not open and one whose key is missing are `remaining`,
 * for a second run to look at. Throws what `records` and `replace` throw.
 */
export async function rotate(
  encryptor: Pick<Encryptor, 'reseal' | 'keyIdOf'>,
  records: AsyncIterable<SealedRecord>,
  replace: (associatedData: AssociatedData, from: string, to: string) => Promise<boolean>,
): Promise<Rotation> {
  let total = 0
  let rewrapped = 0
  const remaining: Record<string, number> = {}

  for await (const { associatedData, sealed } of records) {
    total += 1
    try {
      const resealed = encryptor.reseal(sealed, associatedData)
      if (resealed === null) continue
      if (await replace(associatedData, sealed, resealed)) {
        rewrapped += 1
        continue
      }
    } catch (error) {
      if (!(error instanceof KeyMissing || error instanceof DecryptionFailed)) throw error
    }
    const keyId = encryptor.keyIdOf(sealed) ?? 'none'
    remaining[keyId] = (remaining[keyId] ?? 0) + 1
  }
  return { total, rewrapped, remaining }
}
