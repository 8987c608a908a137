import { readFile, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import {
  accountMachine,
  breakerMachine,
  jobMachine,
  mediaMachine,
  planMachine,
} from '../../src/definitions/machines.ts'
import { diagramOf, toMermaid } from '../../src/durable/diagram.ts'

it.each([jobMachine, planMachine, accountMachine, breakerMachine, mediaMachine])(
  'the drawing of the $name machine matches the machine',
  async (machine) => {
    const file = new URL(`../../machines/${machine.name}.mmd`, import.meta.url)
    const drawn = toMermaid(diagramOf(machine))
    // A missing file is drawn; an existing one is compared. Delete it to draw it again.
    const kept = await readFile(file, 'utf8').catch(() => null)
    if (kept === null) await writeFile(file, drawn)
    else expect(kept).toBe(drawn)
  },
)
