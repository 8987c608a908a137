import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { accountMachine } from './commands/account-machine.ts'
import { createOrganization } from './commands/create-organization.ts'
import { jobMachine } from './commands/job-machine.ts'
import { planMachine } from './commands/plan-machine.ts'
import type { Config } from './config.ts'
import { catalogueOf } from './durable/machine.ts'
import { createApi } from './graphql/server.ts'
import { callbackPath, createAuthorization, webhookPath } from './inbound/authorization.ts'
import { finishConnecting } from './inbound/finish-connecting.ts'
import { answerPage } from './inbound/page.ts'
import { createWebhookRoute } from './inbound/webhook-route.ts'
import { openKeys } from './keys.ts'
import { createDiskStorage } from './providers/storage/disk-storage.ts'
import { createTikTokClient } from './providers/tiktok/client.ts'
import { createLocalProvider } from './providers/video/local/local-provider.ts'
import { createBoss, installQueues } from './queue/boss.ts'
import { seedRehearsal } from './rehearsal/seed.ts'
import { startTicker } from './rehearsal/ticker.ts'
import { type LocalTikTok, startLocalTikTok } from './rehearsal/tiktok/local-tiktok.ts'
import { Secret } from './secret.ts'
import { createSteps } from './steps/catalogue.ts'
import { type Connection, connect } from './store/database.ts'
import { startEmbeddedServer } from './store/embedded/server.ts'
import { createHintSender } from './store/hint.ts'
import { isMigrated, migrate } from './store/migrate.ts'
import type { Logger } from './telemetry/log.ts'
import { createSealer } from './vault/sealer.ts'
import { startWorkerRole } from './worker.ts'

export type Role = 'api' | 'worker'

export interface App {
  readonly address: string | null
  stop(): Promise<void>
}

/** Undoes what was started, the last first. */
class Teardown {
  readonly #steps: (() => Promise<unknown>)[] = []
  add(step: () => Promise<unknown>): void {
    this.#steps.push(step)
  }
  async run(log: Logger): Promise<void> {
    for (const step of this.#steps.splice(0).reverse())
      await step().catch((error) => log.error({ err: error }, 'stopping'))
  }
}

/**
 * The database of this configuration: the given one, or our own, started if it is not running. Several processes may
 * share our own; it is stopped by the last one that leaves, never under another.
 */
export async function openDatabase(config: Config): Promise<{ readonly url: string; stop(): Promise<void> }> {
  if (config.databaseUrl) return { url: config.databaseUrl, stop: async () => undefined }
  const server = await startEmbeddedServer({ directory: path.join(config.dataDirectory, 'postgres') })
  return {
    url: server.url,
    async stop() {
      if (!(await hasOtherClients(server.url))) await server.stop()
    },
  }
}

async function hasOtherClients(url: string): Promise<boolean> {
  const owner = connect(url, 'owner', { max: 1, name: 'reelpilot stop', onError: () => undefined })
  try {
    const { rows } = await owner.pool.query<{ others: boolean }>(
      `select exists (select from pg_stat_activity where datname = current_database()
         and backend_type = 'client backend' and pid <> pg_backend_pid()) as others`,
    )
    return rows[0]?.others ?? false
  } finally {
    await owner.close()
  }
}

/** Brings the database's schema and queues up to this build. Answers what was applied. */
export async function migrateDatabase(url: string, log: Logger): Promise<readonly string[]> {
  const owner = connect(url, 'owner', {
    max: 2,
    name: 'reelpilot migrate',
    onError: (error) => log.warn({ err: error }),
  })
  try {
    const applied = await migrate(owner)
    await installQueues(url, owner)
    return applied
  } finally {
    await owner.close()
  }
}

/** Creates an organization and answers its first key. */
export async function addOrganization(url: string, name: string, log: Logger): Promise<string> {
  const onError = (error: Error) => log.warn({ err: error }, 'database connection')
  const runtime = connect(url, 'reelpilot_runtime', { max: 1, name: 'reelpilot organization', onError })
  try {
    const { key } = await runtime.db.transaction().execute((tx) => createOrganization(tx, name))
    return key
  } finally {
    await runtime.close()
  }
}

/** Builds every part by its arguments and starts the roles that are asked for. */
export async function startApp(
  config: Config,
  roles: readonly Role[],
  log: Logger,
  print: (line: string) => void,
): Promise<App> {
  const teardown = new Teardown()
  try {
    return await start(config, roles, log, print, teardown)
  } catch (error) {
    await teardown.run(log)
    throw error
  }
}

async function start(
  config: Config,
  roles: readonly Role[],
  log: Logger,
  print: (line: string) => void,
  teardown: Teardown,
): Promise<App> {
  await mkdir(config.dataDirectory, { recursive: true })
  const database = await openDatabase(config)
  teardown.add(() => database.stop())
  await migrateDatabase(database.url, log)

  const open = (role: Parameters<typeof connect>[1], max: number): Connection => {
    const onError = (error: Error) => log.warn({ err: error }, 'database connection')
    const connection = connect(database.url, role, { max, name: role.replace('_', ' '), onError })
    teardown.add(() => connection.close())
    return connection
  }
  const runtime = open('reelpilot_runtime', 10)
  const sealer = createSealer(openKeys(config).ring)
  const machines = catalogueOf([jobMachine, planMachine, accountMachine])
  const storage = await createDiskStorage({ directory: path.join(config.dataDirectory, 'media') })
  const rehearsal = config.tiktok ? null : await startRehearsalTikTok(config, teardown)
  const app = config.tiktok ?? rehearsal?.client
  if (!app) throw new Error('neither a TikTok app nor a rehearsal is set up')
  const clientSecret = new Secret(app.clientSecret)
  const tiktok = createTikTokClient({ ...app, clientSecret })
  const seeded = rehearsal?.local ? await seedRehearsal(runtime.db, rehearsal.local, sealer) : null

  let address: string | null = null
  if (roles.includes('api')) {
    const api = open('reelpilot_api', 10)
    const boss = createBoss({
      url: database.url,
      role: 'reelpilot_api',
      name: 'reelpilot api queue',
      supervises: false,
      onError: (error) => log.warn({ err: error }, 'queue'),
    })
    await boss.start()
    teardown.add(() => boss.stop({ graceful: false }))
    const hints = createHintSender(api)
    teardown.add(() => hints.close())
    const deps = { boss, machines }
    const connecting = { ...deps, db: runtime.db, tiktok, sealer, hints }
    const takeWebhook = createWebhookRoute({
      db: runtime.db,
      deps,
      clientKey: app.clientKey,
      clientSecret,
      log,
    })
    const publicUrl = () => config.publicUrl ?? address ?? ''
    const server = await createApi({
      connection: api,
      databaseUrl: database.url,
      deps,
      authorization: createAuthorization({ tiktok, sealer, publicUrl }),
      routes: [
        {
          path: callbackPath,
          handle: async (request, response) =>
            answerPage(
              response,
              await finishConnecting(connecting, new URL(request.url ?? '/', publicUrl())),
            ),
        },
        { path: webhookPath, handle: takeWebhook },
      ],
      ...(config.publicUrl && { publicUrl: config.publicUrl }),
      hints,
      storage,
      log,
      ready: async () => ({ ok: await isMigrated(runtime).catch(() => false) }),
      ...(seeded && { graphiqlKey: seeded.apiKey }),
    })
    address = await server.listen(config.port, config.host)
    teardown.add(() => server.close())
  }
  if (seeded) {
    const pathOf = (sha256: string) => storage.path(seeded.organizationId, sha256)
    print(
      `\n  Reelpilot is rehearsing: everything is real but TikTok, which is at ${rehearsal?.client.apiBase}`,
    )
    if (address) print(`  GraphiQL   ${address}/graphql\n  API key    ${seeded.apiKey}\n`)
    const ticker = await startTicker({
      db: runtime.db,
      databaseUrl: database.url,
      organizationId: seeded.organizationId,
      pathOf,
      print,
      onError: (error) => log.warn({ err: error }, 'ticker'),
    })
    teardown.add(() => ticker.close())
  }
  if (roles.includes('worker')) {
    const videos = await createLocalProvider({
      directory: path.join(config.dataDirectory, 'renders'),
      concurrency: config.renderConcurrency,
      ...(config.ffmpegPath && { ffmpegPath: config.ffmpegPath }),
    })
    teardown.add(() => videos.close())
    const stepDeps = {
      db: runtime.db,
      storage,
      videos,
      tiktok,
      sealer,
      workDirectory: path.join(config.dataDirectory, 'work'),
      ...(config.ffmpegPath && { ffmpegPath: config.ffmpegPath }),
    }
    const worker = await startWorkerRole({
      databaseUrl: database.url,
      runtime,
      machines,
      steps: (deps) => createSteps({ ...stepDeps, ...deps }),
      concurrency: config.workerConcurrency,
      log,
    })
    teardown.add(() => worker.stop())
  }
  return { address, stop: () => teardown.run(log) }
}

/** The local TikTok on its port; if another process of ours has it already, that one is used. */
async function startRehearsalTikTok(
  config: Config,
  teardown: Teardown,
): Promise<{
  readonly local: LocalTikTok | null
  readonly client: NonNullable<Config['tiktok']>
}> {
  const app = { clientKey: 'ck_local_rehearsal', clientSecret: 'cs_local_rehearsal' }
  try {
    const local = await startLocalTikTok({
      port: config.tiktokLocalPort,
      directory: path.join(config.dataDirectory, 'tiktok'),
      app,
    })
    teardown.add(() => local.stop())
    return { local, client: { apiBase: local.url, authorizeBase: local.url, ...app } }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    const url = `http://127.0.0.1:${config.tiktokLocalPort}`
    return { local: null, client: { apiBase: url, authorizeBase: url, ...app } }
  }
}
