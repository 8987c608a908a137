import { type AssociatedData, DecryptionFailed, type Encryptor, KeyMissing } from './encryptor.ts'

export interface SealedRecord {
  readonly associatedData: AssociatedData
  readonly sealed: string
}

export interface Rotation {
  readonly total: number
  readonly rewrapped: number
  /**
   * How many records could not be rewrapped, by the id of the key that each still needs. Those keys must stay in the ring.
   * `none` counts records that name no key: they may need any key, so all keys must stay.
   */
  readonly remaining: Readonly<Record<string, number>>
}

/**
 * Rewraps records under the ring's primary key, one by one. If it is interrupted, it can be started again.
 *
 * `replace` writes `to` only if the record is still `from`, and returns whether it did: a token that was refreshed meanwhile is
 * sealed under the primary key already and must not be overwritten. Such a record, one that does not decrypt, and one whose
 * key is missing are counted in `remaining`, for a second run. Throws what `records` and `replace` throw.
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
