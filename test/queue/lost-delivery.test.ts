import { beforeAll, expect, it } from 'vitest'
import { redriveDeliveries, storeWebhook } from '../../src/commands/webhook/store-webhook.ts'
import { createCommandDeps } from '../support/command-deps.ts'
import { createTestDatabase } from '../support/database.ts'
import { waitUntil } from '../support/wait.ts'
import { roleStarter, shortenQueueRetries } from './support.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const { owner } = database
const deps = await createCommandDeps(database)
const startRole = roleStarter(database)
beforeAll(() => shortenQueueRetries(database))

const deliveryOf = (key: string) =>
  db.selectFrom('webhook_delivery').selectAll().where('key', '=', key).executeTakeFirstOrThrow()
const redrive = () => db.transaction().execute((tx) => redriveDeliveries(tx, deps))

it('a delivery whose handling fails is marked, and handled after the cause is fixed', async () => {
  await owner.pool.query(`
    create function reelpilot.refuse() returns trigger language plpgsql as $$ begin raise 'out of order'; end $$;
    create trigger refuse before update on reelpilot.webhook_delivery for each row
      when (new.handled_at is not null) execute function reelpilot.refuse()`)
  await startRole()
  const event = { type: 'draftDelivered', createdAt: 0 } as const
  await db.transaction().execute((tx) =>
    storeWebhook(tx, deps, {
      key: 'poison',
      event: 'post.publish.inbox_delivered',
      signedAt: new Date(),
      content: { kind: 'post', publishId: 'unknown', openId: 'somebody', event },
    }),
  )
  const failed = await waitUntil(
    () => deliveryOf('poison'),
    ({ failed_at }) => failed_at !== null,
  )
  expect(failed).toMatchObject({
    handled_at: null,
    failure:
      'WORKER_ERROR: Every attempt of a worker failed with an error: error P0001. The log has the cause.',
  })

  await owner.pool.query('drop trigger refuse on reelpilot.webhook_delivery')
  expect(await redrive()).toBe(1)
  const handled = await waitUntil(
    () => deliveryOf('poison'),
    ({ handled_at }) => handled_at !== null,
  )
  expect(handled).toMatchObject({ outcome: 'unknownPost', failed_at: null, failure: null })
  expect(await redrive()).toBe(0)
})

it('a failed delivery is not retried after TikTok would have stopped repeating it', async () => {
  await db
    .insertInto('webhook_delivery')
    .values({
      key: 'old',
      event: 'x',
      payload: '{}',
      signed_at: new Date(0),
      failed_at: new Date(),
      failure: 'x',
    })
    .execute()
  await owner.pool.query(
    `update reelpilot.webhook_delivery set received_at = now() - interval '73 hours' where key = 'old'`,
  )
  expect(await redrive()).toBe(0)
  expect((await deliveryOf('old')).failed_at).not.toBeNull()
})
