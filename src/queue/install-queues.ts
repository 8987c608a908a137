import { PgBoss } from 'pg-boss'
import type { Connection } from '../store/database.ts'
import { withInstallLock } from '../store/install-lock.ts'
import { canUseQueues, grantQueues } from '../store/job/queue-grants.ts'
import { connectionOf } from './boss.ts'
import {
  defaultRetryPolicy,
  queuePolicies,
  queueSettings,
  queues,
  type RetryPolicy,
} from './queue-settings.ts'

/** Every hour; once for all hours in which no process ran. */
const hourly = { cron: '0 * * * *', options: { tz: 'UTC', missed: 'once' } } as const

/**
 * Creates or upgrades the queue's tables as the owner, applies the queue settings, and grants the working roles access, under a lock that
 * other starting processes wait for. Writes only what differs. Queued work keeps the settings that it was queued with.
 */
export function installQueues(
  url: string,
  owner: Connection,
  retryPolicy: RetryPolicy = defaultRetryPolicy,
): Promise<void> {
  return withInstallLock(owner, () => installUnderLock(url, owner, retryPolicy))
}

async function installUnderLock(url: string, owner: Connection, retryPolicy: RetryPolicy): Promise<void> {
  const boss = new PgBoss({
    ...connectionOf(url, 'owner', 'reelpilot migrate'),
    supervise: false,
    schedule: false,
    max: 2,
  })
  boss.on('error', () => undefined) // start() throws what matters.
  await boss.start()
  try {
    await createQueues(boss, retryPolicy)
    await scheduleScan(boss)
  } finally {
    await boss.stop({ graceful: false })
  }
  if (!(await canUseQueues(owner))) await grantQueues(owner)
}

async function createQueues(boss: PgBoss, retryPolicy: RetryPolicy): Promise<void> {
  const known = new Map((await boss.getQueues(Object.values(queues))).map((queue) => [queue.name, queue]))
  for (const [name, settings] of queueSettings(retryPolicy)) {
    const queue = known.get(name)
    const policy = queuePolicies[name]
    if (!queue) await boss.createQueue(name, { ...settings, ...(policy && { policy }) })
    else if (!isPartOf(settings, queue)) await boss.updateQueue(name, settings)
  }
}

async function scheduleScan(boss: PgBoss): Promise<void> {
  const { cron, options } = hourly
  const [known] = await boss.getSchedules(queues.scan)
  if (known?.cron === cron && known.options && isPartOf(options, known.options)) return
  await boss.schedule(queues.scan, cron, {}, options)
}

/** Whether `whole` contains every property of `part`. */
function isPartOf(part: object, whole: object): boolean {
  const found = new Map<string, unknown>(Object.entries(whole))
  return Object.entries(part).every(([name, value]) => found.get(name) === value)
}
