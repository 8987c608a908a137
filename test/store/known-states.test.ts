import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import {
  accountMachine,
  breakerMachine,
  jobMachine,
  mediaMachine,
  planMachine,
} from '../../src/definitions/machines.ts'
import { type DurableMachine, leafPaths } from '../../src/durable/machine.ts'
import { createAccount } from '../support/account.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const organizationId = await createOrganization(database)
const accountId = await createAccount(database, organizationId)

/** The states that a stored machine can have. States without a tag are passed through without a commit. */
function reachableStates(machine: DurableMachine): readonly string[] {
  const nodeOf = (path: string) => machine.logic.getStateNodeById(`${machine.logic.id}.${path}`)
  return [...leafPaths(machine)].filter((path) => nodeOf(path).tags.length > 0)
}

function finalStates(machine: DurableMachine): readonly string[] {
  return reachableStates(machine).filter(
    (path) => machine.logic.getStateNodeById(`${machine.logic.id}.${path}`).type === 'final',
  )
}

async function insertRow(machine: string, state: string, tag = 'resting'): Promise<string> {
  const id = randomUUID()
  await sql`insert into machine_instance (id, organization_id, machine, version, state, tag, context, revision)
            values (${id}, ${organizationId}, ${machine}, 1, ${state}, ${tag}, '{}', 1)`.execute(db)
  return id
}

async function insertPlan(state: string): Promise<string> {
  const id = randomUUID()
  await sql`insert into plan (id, organization_id, account_id, name, time_zone, state, revision)
            values (${id}, ${organizationId}, ${accountId}, 'Plan', 'UTC', ${state}, 1)`.execute(db)
  return id
}

const insertBreaker = (state: string) =>
  sql`insert into circuit_breaker (key, version, state, tag, context, revision)
      values (${randomUUID()}, 1, ${state}, 'resting', '{}', 1)`.execute(db)

describe('the database', () => {
  it.each([
    ['job_states', jobMachine, []],
    ['account_states', accountMachine, []],
    ['media_states', mediaMachine, []],
    ['breaker_states', breakerMachine, []],
  ] as const)('lists in %s exactly the states that the machine can be in', async (name, machine, old) => {
    const { rows } = await sql<{ states: string[] }>`select ${sql.ref(name)}() as states`.execute(db)
    expect(rows[0]?.states.toSorted()).toEqual([...reachableStates(machine), ...old].toSorted())
  })

  it('allows a plan exactly the states of its machine', async () => {
    for (const state of reachableStates(planMachine)) await insertPlan(state)
    await expect(insertPlan('nonsense')).rejects.toThrow('plan_state_check')
  })

  it('refuses a state that no machine has', async () => {
    await expect(insertRow('job', 'nonsense')).rejects.toThrow('machine_instance_job_state')
    await expect(insertRow('account', 'nonsense')).rejects.toThrow('machine_instance_account_state')
    await expect(insertRow('media', 'nonsense')).rejects.toThrow('machine_instance_media_state')
    await expect(insertBreaker('nonsense')).rejects.toThrow('circuit_breaker_state')
    const id = await insertRow('job', 'paused')
    await expect(
      sql`update machine_instance set state = 'nonsense' where id = ${id}`.execute(db),
    ).rejects.toThrow('machine_instance_job_state')
  })

  it.each(finalStates(jobMachine))('lets no job leave the final state "%s"', async (state) => {
    const id = await insertRow('job', state, 'final')
    for (const other of reachableStates(jobMachine).filter((each) => each !== state))
      await expect(
        sql`update machine_instance set state = ${other}, tag = 'resting' where id = ${id}`.execute(db),
        other,
      ).rejects.toThrow(`is final: it cannot go from "${state}" to "${other}"`)
    await expect(
      sql`update machine_instance set tag = 'resting' where id = ${id}`.execute(db),
    ).rejects.toThrow('is final')
    await expect(
      sql`update machine_instance set machine = 'toy' where id = ${id}`.execute(db),
    ).rejects.toThrow('is final')
    await expect(insertRow('job', state, 'resting')).rejects.toThrow('machine_instance_final_state')
    await sql`update machine_instance set updated_at = now() where id = ${id}`.execute(db)
  })

  it.each(finalStates(planMachine))(
    'lets no plan leave the final state "%s", and not run in it',
    async (state) => {
      const id = await insertPlan(state)
      for (const change of ["state = 'approved'", "state = 'draft'", 'autopilot = true', 'locked = true'])
        await expect(sql`update plan set ${sql.raw(change)} where id = ${id}`.execute(db)).rejects.toThrow(
          'is final',
        )
      await sql`update plan set name = 'Another' where id = ${id}`.execute(db)
    },
  )
})
