import { beforeAll, describe, expect, it } from 'vitest'
import { sourceOf } from '../../../src/graphql/schema/failure.ts'
import { countUnrecognised } from '../../../src/store/webhook/unrecognised-codes.ts'
import { failureVerdicts } from '../../../src/verdict/failure-verdict.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { type Answer, createTenant, createTestApi, type Tenant } from '../support.ts'

let database: TestDatabase
let tenant: Tenant

beforeAll(async () => {
  database = await createTestDatabase()
  tenant = await createTenant(database, await createTestApi(database), ['read'])
})

describe('the table of failure verdicts', () => {
  const fields = 'code source httpStatus verdict meaning nextStep retryAfterSeconds canPostAgain'

  it('is returned completely', async () => {
    const answer = await tenant.request(`{ failureVerdicts { ${fields} } }`)
    const table = failureVerdicts.map(({ source, afterSeconds = null, ...row }) => ({
      httpStatus: null,
      retryAfterSeconds: afterSeconds,
      canPostAgain: null,
      ...row,
      source: source.toUpperCase(),
    }))
    expect(answer.failureVerdicts).toEqual(table)
  })

  it('is filtered by source, because a code can mean different things', async () => {
    const of = async (source: string) => {
      const query = `query ($source: FailureSource) { failureVerdicts(source: $source) { ${fields} } }`
      const { failureVerdicts: rows } = await tenant.request(query, { source })
      expect(new Set(rows.map((row: Answer) => row.source))).toEqual(new Set([source]))
      return rows.find(({ code }: Answer) => code === 'spam_risk_too_many_posts')
    }
    expect(await of('POST')).toMatchObject({ verdict: 'WAIT_CAP', httpStatus: null, canPostAgain: false })
    expect(await of('API')).toMatchObject({ verdict: 'WAIT_CAP', httpStatus: 403, canPostAgain: null })
    expect(await of('UPLOAD')).toBeUndefined()
  })

  it('has a public name for the source of every row, and null for other sources', () => {
    for (const { source } of failureVerdicts) expect(sourceOf(source)).toBe(source)
    expect(sourceOf('elsewhere')).toBeNull()
  })
})

describe('codes that are not in the table', () => {
  it('are counted per organization and listed with the most recent first', async () => {
    const { db } = database.runtime
    const { organizationId } = tenant
    await countUnrecognised(db, organizationId, { source: 'api', code: 'brand_new', logId: '1' })
    await countUnrecognised(db, organizationId, { source: 'post', code: 'brand_new' })
    await countUnrecognised(db, organizationId, { source: 'api', code: 'brand_new', logId: '2' })
    await countUnrecognised(db, organizationId, { source: 'later', code: 'x' })
    const { unrecognisedCodes } = await tenant.request(
      '{ unrecognisedCodes { code source occurrenceCount firstSeenAt lastSeenAt lastLogId } }',
    )
    expect(unrecognisedCodes).toMatchObject([
      { code: 'x', source: null, occurrenceCount: 1, lastLogId: null },
      { code: 'brand_new', source: 'API', occurrenceCount: 2, lastLogId: '2' },
      { code: 'brand_new', source: 'POST', occurrenceCount: 1, lastLogId: null },
    ])
    const [, twice] = unrecognisedCodes
    expect(Date.parse(twice.lastSeenAt)).toBeGreaterThan(Date.parse(twice.firstSeenAt))
  })
})
