import { KeyMissing, type Place, SealBroken, type Sealer } from './sealer.ts'

export interface SealedRecord {
  readonly place: Place
  readonly sealed: string
}

export interface Rotation {
  readonly seen: number
  readonly rewrapped: number
  /**
   * Records that could not be brought under the primary key, by the id of the key that they still need, which must stay in
   * the ring. `none` counts those that name no key: any may be theirs, so then all must stay.
   */
  readonly left: Readonly<Record<string, number>>
}

/**
 * Brings records under the ring's primary key, one by one; stopped halfway it is simply begun again.
 *
 * `replace` puts `to` where `from` still stands and answers whether it did: a token that was refreshed meanwhile has been
 * sealed anew and must not be overwritten. Such a record, one that does not open and one whose key is missing are `left`,
 * for a second run to look at. Throws what `records` and `replace` throw.
 */
export async function rotate(
  sealer: Pick<Sealer, 'reseal' | 'keyIdOf'>,
  records: AsyncIterable<SealedRecord>,
  replace: (place: Place, from: string, to: string) => Promise<boolean>,
): Promise<Rotation> {
  let seen = 0
  let rewrapped = 0
  const left: Record<string, number> = {}

  for await (const { place, sealed } of records) {
    seen += 1
    try {
      const resealed = sealer.reseal(sealed, place)
      if (resealed === null) continue
      if (await replace(place, sealed, resealed)) {
        rewrapped += 1
        continue
      }
    } catch (error) {
      if (!(error instanceof KeyMissing || error instanceof SealBroken)) throw error
    }
    const keyId = sealer.keyIdOf(sealed) ?? 'none'
    left[keyId] = (left[keyId] ?? 0) + 1
  }
  return { seen, rewrapped, left }
}
