import { randomUUID } from 'node:crypto'
import { jobMachine } from '../../src/definitions/machines.ts'
import { type Checkpoint, type Json, wakeAtOf } from '../../src/durable/checkpoint.ts'
import { decide, doneEvent, initialCheckpoint } from '../../src/durable/decide.ts'
import { readDatabaseTime } from '../../src/store/database.ts'
import { insertInstance } from '../../src/store/job/jobs.ts'
import type { TestDatabase } from './database.ts'

const kept = { sha256: 'a'.repeat(64), bytes: 1 }
const media = { sha256: 'b'.repeat(64), bytes: 10, seconds: 3, width: 1080, height: 1920 }

/** The outputs of a job's steps up to its post, in order. */
const outcomes = (audience: string, publishId: string): readonly Json[] => [
  { scenes: 1, seconds: 3 },
  null,
  { clip: { v: 1 } },
  { kind: 'ready' },
  { kept },
  { media },
  null,
  null,
  { post: { publishId, uploadUrlSealed: 'sealed', chunkSize: 10, chunkCount: 1 }, audience },
  null,
]

/** Inserts a job whose post was just sent, without running a worker. Returns its id. */
export async function insertSentJob(
  { runtime: { db } }: TestDatabase,
  job: {
    readonly organizationId: string
    readonly accountId: string
    readonly publishId: string
    readonly audience?: string
  },
): Promise<string> {
  const { organizationId, accountId, publishId, audience = 'everyone' } = job
  const at = await readDatabaseTime(db)
  const jobId = randomUUID()
  const input = { slotId: randomUUID(), accountId, publishAt: at }
  let checkpoint: Checkpoint = initialCheckpoint(jobMachine, input, { at, key: `${jobId}/1`, epoch: null })
  const answers = [...outcomes(audience, publishId)]
  while (checkpoint.state !== 'watching.accepted') {
    const { step } = checkpoint
    const event = step
      ? doneEvent(step.id, answers.shift() ?? null)
      : Object.values(checkpoint.timers)[0]?.event
    if (!event) throw new Error(`stuck in ${checkpoint.state}`)
    const decision = decide(jobMachine, checkpoint, event, { at, key: `${jobId}/x`, epoch: null })
    if (decision.kind === 'refused') throw new Error(`${decision.event} was refused in ${decision.state}`)
    checkpoint = decision.checkpoint
  }
  const wakeAt = wakeAtOf(checkpoint, at)
  await insertInstance(db, { id: jobId, organizationId, slotId: null, accountId, checkpoint, wakeAt })
  return jobId
}
