import { readFile, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { accountMachine, breakerMachine, jobMachine, planMachine } from '../../src/definitions/machines.ts'
import { diagramOf, toMermaid } from '../../src/durable/diagram.ts'

it.each([jobMachine, planMachine, accountMachine, breakerMachine])(
  'keeps the drawing of the $name machine as the machine is',
  async (machine) => {
    const file = new URL(`../../machines/${machine.name}.mmd`, import.meta.url)
    const drawn = toMermaid(diagramOf(machine))
    // The first run, or `-u`, draws; every other run compares.
    const kept = await readFile(file, 'utf8').catch(() => null)
    if (kept === null) await writeFile(file, drawn)
    else expect(kept).toBe(drawn)
  },
)
