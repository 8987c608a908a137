import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/secret.ts'
import { type AssociatedData, createEncryptor, KeyMissing } from '../../src/vault/encryptor.ts'
import { keyRingOf } from '../../src/vault/key-ring.ts'
import { rotate, type SealedRecord } from '../../src/vault/rotate.ts'
import { newKey } from './support.ts'

const idOf = (key: Buffer) => keyRingOf([key]).primary.id
const encryptorOf = (...keys: readonly Buffer[]) => createEncryptor(() => keyRingOf(keys))
const keyOf = (associatedData: AssociatedData) =>
  JSON.stringify([associatedData.organizationId, associatedData.row, associatedData.column])

/** A table of sealed secrets with compare-and-set writes. */
function tableOf(records: readonly SealedRecord[]) {
  const rows = new Map(records.map((record) => [keyOf(record.associatedData), record]))
  return {
    rows,
    async *records() {
      yield* [...rows.values()]
    },
    async replace(associatedData: AssociatedData, from: string, to: string) {
      if (rows.get(keyOf(associatedData))?.sealed !== from) return false
      rows.set(keyOf(associatedData), { associatedData, sealed: to })
      return true
    },
  }
}

const associatedDataOf = (row: number): AssociatedData => ({
  organizationId: `org-${row % 3}`,
  row: `${row}`,
  column: 'access_token',
})

describe('a rotation', () => {
  it('makes every record open without the old keys', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(2), { maxLength: 30 }), async (keyIndexes) => {
        const [newest, older, oldest] = [newKey(), newKey(), newKey()]
        const encryptors = [encryptorOf(newest), encryptorOf(older), encryptorOf(oldest)]
        const table = tableOf(
          keyIndexes.flatMap((keyIndex, row) => {
            const sealed = encryptors[keyIndex]?.seal(new Secret(`token of ${row}`), associatedDataOf(row))
            return sealed === undefined ? [] : [{ associatedData: associatedDataOf(row), sealed }]
          }),
        )
        const done = await rotate(encryptorOf(newest, older, oldest), table.records(), table.replace)
        expect(done).toEqual({
          total: keyIndexes.length,
          rewrapped: keyIndexes.filter((keyIndex) => keyIndex > 0).length,
          remaining: {},
        })
        for (const { associatedData, sealed } of table.rows.values()) {
          expect(encryptorOf(newest).open(sealed, associatedData).reveal()).toBe(
            `token of ${associatedData.row}`,
          )
        }
      }),
      { numRuns: 30 },
    )
  })

  it('rewraps nothing the second time', async () => {
    const [newer, older] = [newKey(), newKey()]
    const table = tableOf([
      {
        associatedData: associatedDataOf(1),
        sealed: encryptorOf(older).seal(new Secret('t'), associatedDataOf(1)),
      },
    ])
    const encryptor = encryptorOf(newer, older)
    expect(await rotate(encryptor, table.records(), table.replace)).toEqual({
      total: 1,
      rewrapped: 1,
      remaining: {},
    })
    expect(await rotate(encryptor, table.records(), table.replace)).toEqual({
      total: 1,
      rewrapped: 0,
      remaining: {},
    })
  })

  it('does not overwrite a token that was refreshed after it was read', async () => {
    const [newer, older] = [newKey(), newKey()]
    const encryptor = encryptorOf(newer, older)
    const stale = {
      associatedData: associatedDataOf(1),
      sealed: encryptorOf(older).seal(new Secret('old'), associatedDataOf(1)),
    }
    const table = tableOf([stale])
    const refreshed = encryptor.seal(new Secret('refreshed'), associatedDataOf(1))
    const records = async function* () {
      yield stale
    }
    await table.replace(stale.associatedData, stale.sealed, refreshed)

    const done = await rotate(encryptor, records(), table.replace)
    expect(done).toEqual({ total: 1, rewrapped: 0, remaining: { [idOf(older)]: 1 } })
    expect(table.rows.get(keyOf(stale.associatedData))?.sealed).toBe(refreshed)
  })

  it('counts the records that it cannot rewrap by the key that must stay, and continues', async () => {
    const [newer, older, missing] = [newKey(), newKey(), newKey()]
    const misplaced = encryptorOf(older).seal(new Secret('t'), associatedDataOf(9))
    const table = tableOf([
      {
        associatedData: associatedDataOf(1),
        sealed: encryptorOf(missing).seal(new Secret('t'), associatedDataOf(1)),
      },
      {
        associatedData: associatedDataOf(2),
        sealed: encryptorOf(missing).seal(new Secret('t'), associatedDataOf(2)),
      },
      { associatedData: associatedDataOf(3), sealed: misplaced },
      { associatedData: associatedDataOf(4), sealed: 'not sealed' },
      {
        associatedData: associatedDataOf(5),
        sealed: encryptorOf(older).seal(new Secret('t'), associatedDataOf(5)),
      },
    ])
    expect(await rotate(encryptorOf(newer, older), table.records(), table.replace)).toEqual({
      total: 5,
      rewrapped: 1,
      remaining: { [idOf(missing)]: 2, [idOf(older)]: 1, none: 1 },
    })
    expect(table.rows.get(keyOf(associatedDataOf(3)))?.sealed).toBe(misplaced)
  })

  it('rejects if the database fails, and an unfinished record reports its missing key', async () => {
    const [newer, older] = [newKey(), newKey()]
    const sealed = encryptorOf(older).seal(new Secret('t'), associatedDataOf(1))
    const table = tableOf([{ associatedData: associatedDataOf(1), sealed }])
    const broken = () => Promise.reject(new Error('the database is gone'))
    await expect(rotate(encryptorOf(newer, older), table.records(), broken)).rejects.toThrow(
      'the database is gone',
    )
    expect(() => encryptorOf(newer).open(sealed, associatedDataOf(1))).toThrow(KeyMissing)
  })
})
