import { expect, it } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { startNginx } from '../../support/nginx-process.ts'
import { createDraft, createTenant, createTestApi } from '../support.ts'

const database = await createTestDatabase()
const api = await createTestApi(database)

it('sends events as they happen, through a proxy that buffers', async ({ skip }) => {
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
  // Kept back until there is a buffer full of them, nothing would come; and the stream does not end by itself.
  for await (const part of response.body ?? []) {
    seen += Buffer.from(part).toString()
    if (seen.includes('slots.added')) break
  }
  expect(seen).toContain('plan.created')
})
