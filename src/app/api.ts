import path from 'node:path'
import type { Config } from '../config.ts'
import type { MachineCatalogue } from '../durable/machine.ts'
import { InvalidTrustedDocuments, readTrustedDocuments } from '../graphql/compiled/trusted-documents.ts'
import type { MediaSource } from '../graphql/server/media-route.ts'
import { createApi } from '../graphql/server/server.ts'
import { callbackPath, createAuthorizationStarter, webhookPath } from '../inbound/authorization.ts'
import { createCallbackRoute } from '../inbound/callback-route.ts'
import { UploadFiles } from '../inbound/uploads/upload-files.ts'
import { createUploadRoute } from '../inbound/uploads/upload-route.ts'
import { createWebhookRoute } from '../inbound/webhook-route.ts'
import type { Logger } from '../logger.ts'
import type { Storage } from '../providers/storage/storage.ts'
import type { TikTokClient } from '../providers/tiktok/client.ts'
import type { AppCredential } from '../providers/tiktok/http/post-form.ts'
import { createBoss } from '../queue/boss.ts'
import type { Limiter } from '../rate-limit/limiter.ts'
import { StartupError } from '../startup-error.ts'
import type { Connection } from '../store/database.ts'
import { createChangeNotifier } from '../store/event/notify.ts'
import { isMigrated } from '../store/migrate.ts'
import type { LimitSettingsCache } from '../tiktok-policy/limit-settings.ts'
import type { Encryptor } from '../vault/encryptor.ts'
import type { Signer } from '../vault/signer.ts'
import { verdictFor } from '../verdict/failure-verdict.ts'
import type { HostHealth } from './host-checks.ts'
import type { KeyCheck } from './keys.ts'
import type { Listener } from './listener.ts'

export interface ApiRoleOptions {
  readonly config: Config
  readonly databaseUrl: string
  /** The listener that it serves on. */
  readonly listener: Listener
  /** Under the role `reelpilot_api`, for client requests. */
  readonly api: Connection
  /** Under `reelpilot_runtime`, for webhooks and OAuth callbacks, which do not name an organization. */
  readonly runtime: Connection
  readonly machines: MachineCatalogue
  readonly storage: MediaSource & Pick<Storage, 'put'>
  readonly signer: Signer
  /** Checks the disk of this machine. */
  readonly checkHost: () => Promise<HostHealth>
  readonly keyCheck: KeyCheck
  readonly tiktok: TikTokClient
  readonly app: AppCredential
  readonly encryptor: Encryptor
  /** Uses the connection `api`. */
  readonly limiter: Limiter
  /** The cache of this process's TikTok client. */
  readonly limitSettings: LimitSettingsCache
  readonly log: Logger
}

export interface ApiRole {
  /** Register both URLs with the TikTok app. */
  readonly callbackUrl: string
  readonly webhookUrl: string
  stop(): Promise<void>
}

/** How often uploads are looked for that nobody continues. */
const uploadSweepMs = 60_000

/** Starts the API role: GraphQL, uploads, media files, health, the OAuth callback and TikTok's webhooks. */
export async function startApiRole(options: ApiRoleOptions): Promise<ApiRole> {
  const {
    config,
    databaseUrl,
    listener,
    api,
    runtime,
    machines,
    storage,
    signer,
    keyCheck,
    tiktok,
    app,
    encryptor,
    limiter,
    limitSettings,
    log,
  } = options
  const trustedDocuments = await readTrustedDocuments(config.trustedDocuments).catch((error) => {
    if (!(error instanceof InvalidTrustedDocuments)) throw error
    throw new StartupError(`TRUSTED_DOCUMENTS: ${error.message}`, { cause: error })
  })
  const boss = createBoss({
    url: databaseUrl,
    role: 'reelpilot_api',
    name: 'reelpilot api queue',
    supervises: false,
    onError: (error) => log.child({ component: 'queue' }).warn({ err: error }, 'queue operation failed'),
  })
  await boss.start()
  const notifications = createChangeNotifier(api)
  const deps = { boss, machines }
  const publicUrl = () => config.publicUrl ?? listener.address
  const connecting = { ...deps, db: runtime.db, tiktok, encryptor, notifications }
  const uploads = createUploadRoute({
    db: api.db,
    deps,
    notifications,
    storage,
    signer,
    files: await UploadFiles.open(path.join(config.dataDirectory, 'uploads')),
    publicUrl: config.publicUrl,
    log: log.child({ component: 'uploads' }),
  })
  const server = await createApi({
    connection: api,
    databaseUrl,
    deps,
    authorization: createAuthorizationStarter({ tiktok, encryptor, publicUrl }),
    routes: [
      uploads,
      {
        path: callbackPath,
        handle: createCallbackRoute(connecting, publicUrl, log.child({ component: 'oauth' })),
      },
      {
        path: webhookPath,
        handle: createWebhookRoute({
          db: runtime.db,
          deps,
          ...app,
          log: log.child({ component: 'webhooks' }),
        }),
      },
    ],
    ...(config.publicUrl && { publicUrl: config.publicUrl }),
    notifications,
    storage,
    signer,
    accountsLackingKey: keyCheck.accountsLackingKey,
    limiter,
    limitSettings,
    apiBucket: config.apiBucket,
    trustedDocuments,
    idempotencyMinutes: config.idempotencyMinutes,
    log: log.child({ component: 'api' }),
    server: listener.server,
    host: config.host,
    checkReadiness: async () => {
      const database = await isMigrated(runtime).catch(() => false)
      const { disk } = await options.checkHost()
      const keyMissing = database && (await keyCheck.missing()).length > 0
      const problems = [...(disk ? [disk] : []), ...(keyMissing ? ['KEY_MISSING'] : [])].map(sentenceOf)
      return {
        ok: database && problems.length === 0,
        checks: { database, disk: !disk, keys: !keyMissing },
        ...(problems.length > 0 && { problems }),
      }
    },
  })
  const sweepUploads = () =>
    uploads
      .sweep()
      .catch((error) => log.child({ component: 'uploads' }).warn({ err: error }, 'uploads were not swept'))
  let sweeping = sweepUploads()
  const sweeper = setInterval(() => {
    sweeping = sweeping.then(sweepUploads)
  }, uploadSweepMs)
  return {
    callbackUrl: `${publicUrl()}${callbackPath}`,
    webhookUrl: `${publicUrl()}${webhookPath}`,
    async stop() {
      clearInterval(sweeper)
      await server.close()
      await sweeping
      await notifications.close()
      await boss.stop({ graceful: false })
    },
  }
}

function sentenceOf(code: string): string {
  const { meaning, nextStep } = verdictFor('reelpilot', code).verdict
  return `${meaning} ${nextStep}`
}
