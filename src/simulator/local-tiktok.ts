import { mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { putAccount } from './account.ts'
import { createAppPortal } from './app.ts'
import type { SimulatorContext } from './context.ts'
import { control } from './control/control.ts'
import { countersOf } from './counters.ts'
import { findAccount, type SimulatorDependencies } from './dependencies.ts'
import { disconnect } from './disconnect.ts'
import { createFaults } from './fault.ts'
import { createRates, localRates } from './http/rate.ts'
import { issueTokens } from './oauth/grant.ts'
import { defaultScopes } from './oauth/scope.ts'
import { localPost } from './post/local-post.ts'
import { makePublic, postDraft, takeDown } from './post/owner.ts'
import { createPulls } from './post/pull.ts'
import type { Publish } from './record.ts'
import { openRecordStore } from './record-store.ts'
import { createHandler } from './server.ts'
import { defaultSettings, type SimulatorSettings } from './settings.ts'
import type { LocalTikTok, LocalTikTokOptions } from './simulator.ts'
import { localWebhooks } from './webhook/local-webhook.ts'
import { createOutbox } from './webhook/outbox.ts'

/**
 * Starts a strict local TikTok on the loopback interface, with the real one's documented paths, fields, limits and refusals.
 * Its records survive a restart. Resolves when it listens; rejects when the port is taken.
 */
export async function startLocalTikTok(options: LocalTikTokOptions = {}): Promise<LocalTikTok> {
  // The port guards the directory: a second process fails here, before it opens the same records.
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  // The address of a TCP server is an object; only a pipe has a string.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'local-tiktok-'))
  const { context, changeSettings, changeApp } = createContext(url, directory, options)

  const local = createLocal(context, url, {
    changeSettings,
    changeApp,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve)) // also resolves when it was closed before
      server.closeAllConnections()
      await closed
      await Promise.all([context.outbox.stop(), context.pulls.stop()])
      context.recordStore.close()
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true })
    },
  })
  server.on(
    'request',
    createHandler(context, (call) => control(context, local, call)),
  )
  return local
}

function createContext(url: string, directory: string, options: LocalTikTokOptions) {
  mkdirSync(join(directory, 'media'), { recursive: true })
  const recordStore = openRecordStore(options.persist === false ? undefined : directory)
  const portal = createAppPortal(recordStore, options.app ?? {})
  let settings: SimulatorSettings = { ...defaultSettings, ...options.settings }
  const changeSettings = (patch: Partial<SimulatorSettings>) => {
    settings = { ...settings, ...patch }
    return settings
  }

  const dependencies: SimulatorDependencies = {
    app: portal.app,
    recordStore,
    faults: createFaults(options.faults),
    settings: () => settings,
    changeSettings,
    now: () => Date.now() + (recordStore.get('clock', 'ahead') ?? 0),
    url: () => url,
    directory,
  }
  const outbox = createOutbox(dependencies)
  const pulls = createPulls({ ...dependencies, outbox })
  const context: SimulatorContext = { ...dependencies, rates: createRates(dependencies), outbox, pulls }
  return { context, changeSettings, changeApp: portal.set }
}

function createLocal(
  context: SimulatorContext,
  url: string,
  actions: Pick<LocalTikTok, 'changeSettings' | 'changeApp' | 'stop'>,
): LocalTikTok {
  const { recordStore } = context
  const requireAccount = (username: string) => {
    const account = findAccount(context, username)
    if (!account) throw new RangeError(`no account ${username}`)
    return account
  }
  const toLocalPost = (publish: Publish) =>
    localPost(publish, recordStore.get('account', publish.openId), context.now())

  return {
    ...actions,
    url,
    get app() {
      return context.app()
    },
    posts: () => [...recordStore.all('publish')].map(toLocalPost),
    accounts: () => [...recordStore.all('account')],
    counters: () => countersOf(context),
    rates: () => localRates(context),
    webhooks: () => localWebhooks(context),
    settings: context.settings,
    createAccount: (account) => putAccount(context, account),
    grant: (username, scopes = defaultScopes) =>
      issueTokens(context, { openId: requireAccount(username).openId, scopes }),
    disconnect: (username, reason = 'userDisconnected') =>
      disconnect(context, requireAccount(username).openId, reason),
    postDraft: (publishId, isPublic) => toLocalPost(postDraft(context, publishId, isPublic)),
    takeDown: (publishId) => toLocalPost(takeDown(context, publishId)),
    makePublic: (publishId) => toLocalPost(makePublic(context, publishId)),
    sendWebhook(event, username, content) {
      const { openId } = requireAccount(username)
      context.outbox.enqueue({ subject: openId, openId, event, content })
    },
    flushWebhooks: () => context.outbox.flush(),
    injectFault: (fault) => context.faults.inject(fault),
    clearFaults: () => context.faults.clear(),
    faults: () => context.faults.armed(),
    advance(seconds) {
      recordStore.put('clock', 'ahead', (recordStore.get('clock', 'ahead') ?? 0) + seconds * 1000)
    },
  }
}
