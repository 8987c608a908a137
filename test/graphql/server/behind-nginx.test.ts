import { expect, it } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { startNginx } from '../../support/nginx-process.ts'
import { createDraft, createTenant, createTestApi } from '../support.ts'

const database = await createTestDatabase()
const api = await createTestApi(database)

it('a subscription delivers events through nginx as they happen, although nginx buffers responses', async ({
  skip,
}) => {
  const proxied = await startNginx(await api.listen(0, '127.0.0.1'))
  if (!proxied) return skip()
  const tenant = await createTenant(database, api)
  const response = await fetch(`${proxied}/graphql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${tenant.key}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
    },
    body: JSON.stringify({ query: 'subscription { events(after: 0) { type } }' }),
  })
  expect(response.status).toBe(200)
  await createDraft(tenant, [60])
  let seen = ''
  // If nginx buffered the stream, no event would arrive: one does not fill a buffer, and the stream does not end.
  for await (const part of response.body ?? []) {
    seen += Buffer.from(part).toString()
    if (seen.includes('slots.added')) break
  }
  expect(seen).toContain('plan.created')
})
