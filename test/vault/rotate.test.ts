import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/secret.ts'
import { keyRingOf } from '../../src/vault/key-ring.ts'
import { rotate, type SealedRecord } from '../../src/vault/rotate.ts'
import { createSealer, KeyMissing, type Place } from '../../src/vault/sealer.ts'
import { newKey } from './support.ts'

const idOf = (key: Buffer) => keyRingOf([key]).primary.id
const sealerOf = (...keys: readonly Buffer[]) => createSealer(() => keyRingOf(keys))
const keyOf = (place: Place) => JSON.stringify([place.organizationId, place.row, place.column])

/** A table of sealed secrets, whose every write compares first. */
function tableOf(records: readonly SealedRecord[]) {
  const rows = new Map(records.map((record) => [keyOf(record.place), record]))
  return {
    rows,
    async *records() {
      yield* [...rows.values()]
    },
    async replace(place: Place, from: string, to: string) {
      if (rows.get(keyOf(place))?.sealed !== from) return false
      rows.set(keyOf(place), { place, sealed: to })
      return true
    },
  }
}

const placeOf = (row: number): Place => ({
  organizationId: `org-${row % 3}`,
  row: `${row}`,
  column: 'access_token',
})

describe('a rotation', () => {
  it('leaves every record to open without the old keys, whichever it was sealed under', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(2), { maxLength: 30 }), async (keyIndexes) => {
        const [newest, older, oldest] = [newKey(), newKey(), newKey()]
        const sealers = [sealerOf(newest), sealerOf(older), sealerOf(oldest)]
        const table = tableOf(
          keyIndexes.flatMap((keyIndex, row) => {
            const sealed = sealers[keyIndex]?.seal(new Secret(`token of ${row}`), placeOf(row))
            return sealed === undefined ? [] : [{ place: placeOf(row), sealed }]
          }),
        )
        const done = await rotate(sealerOf(newest, older, oldest), table.records(), table.replace)
        expect(done).toEqual({
          seen: keyIndexes.length,
          rewrapped: keyIndexes.filter((keyIndex) => keyIndex > 0).length,
          left: {},
        })
        for (const { place, sealed } of table.rows.values()) {
          expect(sealerOf(newest).open(sealed, place).reveal()).toBe(`token of ${place.row}`)
        }
      }),
      { numRuns: 30 },
    )
  })

  it('has nothing left to do the second time', async () => {
    const [newer, older] = [newKey(), newKey()]
    const table = tableOf([{ place: placeOf(1), sealed: sealerOf(older).seal(new Secret('t'), placeOf(1)) }])
    const sealer = sealerOf(newer, older)
    expect(await rotate(sealer, table.records(), table.replace)).toEqual({ seen: 1, rewrapped: 1, left: {} })
    expect(await rotate(sealer, table.records(), table.replace)).toEqual({ seen: 1, rewrapped: 0, left: {} })
  })

  it('does not overwrite a token that was refreshed after it was read', async () => {
    const [newer, older] = [newKey(), newKey()]
    const sealer = sealerOf(newer, older)
    const stale = { place: placeOf(1), sealed: sealerOf(older).seal(new Secret('old'), placeOf(1)) }
    const table = tableOf([stale])
    const refreshed = sealer.seal(new Secret('refreshed'), placeOf(1))
    const records = async function* () {
      yield stale
    }
    await table.replace(stale.place, stale.sealed, refreshed)

    const done = await rotate(sealer, records(), table.replace)
    expect(done).toEqual({ seen: 1, rewrapped: 0, left: { [idOf(older)]: 1 } })
    expect(table.rows.get(keyOf(stale.place))?.sealed).toBe(refreshed)
  })

  it('counts what it cannot bring over by the key that must stay, and goes on', async () => {
    const [newer, older, lost] = [newKey(), newKey(), newKey()]
    const misplaced = sealerOf(older).seal(new Secret('t'), placeOf(9))
    const table = tableOf([
      { place: placeOf(1), sealed: sealerOf(lost).seal(new Secret('t'), placeOf(1)) },
      { place: placeOf(2), sealed: sealerOf(lost).seal(new Secret('t'), placeOf(2)) },
      { place: placeOf(3), sealed: misplaced },
      { place: placeOf(4), sealed: 'not sealed' },
      { place: placeOf(5), sealed: sealerOf(older).seal(new Secret('t'), placeOf(5)) },
    ])
    expect(await rotate(sealerOf(newer, older), table.records(), table.replace)).toEqual({
      seen: 5,
      rewrapped: 1,
      left: { [idOf(lost)]: 2, [idOf(older)]: 1, none: 1 },
    })
    expect(table.rows.get(keyOf(placeOf(3)))?.sealed).toBe(misplaced)
  })

  it('stops where the database does, and the removed key is then missed by its name', async () => {
    const [newer, older] = [newKey(), newKey()]
    const sealed = sealerOf(older).seal(new Secret('t'), placeOf(1))
    const table = tableOf([{ place: placeOf(1), sealed }])
    const broken = () => Promise.reject(new Error('the database is gone'))
    await expect(rotate(sealerOf(newer, older), table.records(), broken)).rejects.toThrow(
      'the database is gone',
    )
    expect(() => sealerOf(newer).open(sealed, placeOf(1))).toThrow(KeyMissing)
  })
})
