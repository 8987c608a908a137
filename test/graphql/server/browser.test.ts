import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startChromium } from '../../support/chromium.ts'
import { createTestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/wait.ts'
import { createDraft, createTenant, createTestApi, mutate, type Tenant } from '../support.ts'

/** A name that its owner makes resolve to this machine after the page was loaded (DNS rebinding). */
const rebound = 'evil.test'
const browser = await startChromium([rebound])

let address: string
let port: string
let tenant: Tenant
/** The port of a page of another origin, also reachable by the name `rebound`. */
let foreignPort: number

beforeAll(async () => {
  const database = await createTestDatabase()
  const api = await createTestApi(database)
  address = await api.listen(0, '127.0.0.1')
  port = new URL(address).port
  tenant = await createTenant(database, api)
  const foreign = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Foreign</title>')
  }).listen(0, '127.0.0.1')
  await once(foreign, 'listening')
  foreignPort = (foreign.address() as AddressInfo).port // A TCP server's address is an object.
  afterAll(() => void foreign.close())
})

/** Opens a new tab and collects its console errors and warnings. */
async function open(url: string): Promise<{ readonly page: Page; readonly complaints: readonly string[] }> {
  const context = await browser?.newContext()
  if (!context) throw new Error('there is no browser')
  onTestFinished(() => context.close())
  context.setDefaultTimeout(120_000) // Slow machines need minutes.
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(url)
  return { page, complaints }
}

interface RequestOptions {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** What a script of the page can read of a response; null if the browser blocks it. */
function read(page: Page, url: string, init: RequestOptions = {}): Promise<string | null> {
  return page.evaluate(
    ([url, init]) =>
      fetch(url, init)
        .then((response) => response.text())
        .catch(() => null),
    [url, init] as const,
  )
}

const asPage = { headers: { accept: 'text/html' } }
const asBearer = (key: string) => ({
  method: 'POST',
  headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  body: '{"query":"{ viewer { organization { id } } }"}',
})

describe.skipIf(!browser)('a page of another site', () => {
  it.each([
    ['another origin', () => `http://${rebound}:${foreignPort}/`],
    ['another port of the same host', () => `http://127.0.0.1:${foreignPort}/`],
  ])(
    'at %s cannot read pages of this server, and without a key reads only 401 from the API',
    async (_name, url) => {
      const { page } = await open(url())
      expect(await read(page, `${address}/graphql`, asPage)).toBeNull()
      expect(await read(page, `${address}/livez`)).toBeNull()
      expect(await read(page, `${address}/graphql?query={__typename}`)).toContain('UNAUTHENTICATED')
      // A request with a key is allowed from any origin.
      expect(await read(page, `${address}/graphql`, asBearer(tenant.key))).toContain(tenant.ids.organization)
    },
  )

  it('whose name is rebound to this server gets HOST_NOT_ALLOWED, with and without a key', async () => {
    const { page } = await open(`http://${rebound}:${port}/graphql`)
    expect(await page.content()).toContain('HOST_NOT_ALLOWED')
    // The page as it was loaded before its name was rebound.
    await page.route('**/theirs', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<title>Theirs</title>' }),
    )
    await page.goto(`http://${rebound}:${port}/theirs`)
    for (const init of [asPage, asBearer(tenant.key)])
      expect(await read(page, '/graphql', init)).toContain('HOST_NOT_ALLOWED')
    const opened = page.evaluate(
      (url) =>
        new Promise<string>((resolve) => {
          const socket = new WebSocket(url, 'graphql-transport-ws')
          socket.onopen = () => resolve('opened')
          socket.onerror = () => resolve('refused')
        }),
      `ws://${rebound}:${port}/graphql`,
    )
    expect(await opened).toBe('refused')
  })

  it('cannot frame pages of this server', async () => {
    const { page, complaints } = await open(`http://${rebound}:${foreignPort}/`)
    await page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const frame = document.createElement('iframe')
          frame.src = url
          frame.onload = resolve
          document.body.append(frame)
        }),
      `${address}/graphql`,
    )
    const [, frame] = page.frames()
    expect(await frame?.content()).not.toContain('sign-in')
    expect(complaints.join()).toContain('frame-ancestors')
  })
})

describe.skipIf(!browser)('GraphiQL', { timeout: 300_000 }, () => {
  const run = (page: Page) => page.getByRole('button', { name: /execute query/i }).click()
  const answer = (page: Page) => page.locator('.graphiql-response')

  it('reads the key from the link, shows a response and then events as they happen', async () => {
    const { page, complaints } = await open(`${address}/graphql#key=${tenant.key}`)
    await page.getByText('Signed in with').waitFor()
    expect(page.url()).toBe(`${address}/graphql`)
    await run(page)
    await answer(page).getByText('organization').waitFor()

    await page.getByRole('tab', { name: 'Live' }).click()
    await run(page)
    // The page does not show when it has subscribed, and an event before that is never shown: another draft follows until one is.
    const shown = answer(page).getByText('slots.added')
    const { planId } = await waitUntil(
      async () => {
        const draft = await createDraft(tenant, [60])
        const isShown = await shown.waitFor({ timeout: 5_000 }).then(
          () => true,
          () => false,
        )
        return { ...draft, isShown }
      },
      ({ isShown }) => isShown,
    )
    await mutate(tenant, 'submitPlanForReview', { planId })
    await answer(page).getByText('plan.submitted').waitFor()
    expect(complaints).toEqual([])
    expect(page.url()).not.toContain(tenant.key)
  })

  it('keeps the key in its tab only, and accepts another one', async () => {
    const { page, complaints } = await open(`${address}/graphql`)
    await page.getByLabel('API key').fill(tenant.key)
    await page.getByRole('button', { name: 'Open GraphiQL' }).click()
    await page.getByText('Signed in with').waitFor()
    await page.reload()
    await run(page)
    await answer(page).getByText('organization').waitFor()
    expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain(tenant.key)

    const other = await page.context().newPage()
    await other.goto(`${address}/graphql`)
    await other.getByLabel('API key').waitFor()

    await page.getByRole('button', { name: 'Use another key' }).click()
    await page.getByLabel('API key').waitFor()
    expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain(tenant.key)
    // A URL that differs only in its fragment does not reload the page.
    await page.goto(`${address}/graphql#key=${tenant.key}`)
    await page.getByText('Signed in with').waitFor()
    expect(page.url()).toBe(`${address}/graphql`)
    expect(complaints).toEqual([])
  })
})
