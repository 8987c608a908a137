import { readdir, readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import type { Failure, StepError } from '../../machines/rules/failure.ts'
import { maxAttempts } from '../../machines/rules/retry.ts'
import { jobMachine } from '../../src/definitions/machines.ts'
import type { Checkpoint, Json } from '../../src/durable/checkpoint.ts'
import { decide, doneEvent, failureEvent } from '../../src/durable/decide.ts'
import { failureVerdicts, nextStepFor } from '../../src/verdict/failure-verdict.ts'
import { day, Walk } from './walk.ts'

const clip = { v: 1 }
const kept = { sha256: 'a', bytes: 1 }
const media = { sha256: 'b', bytes: 10, seconds: 5, width: 1080, height: 1920 }
const post = { publishId: 'p', uploadUrlSealed: 's', chunkSize: 5, chunkCount: 2 }
const failure: Failure = { verdict: 'OUTCOME_UNKNOWN', code: 'x', message: 'x' }

const begun = () => new Walk(jobMachine, { slotId: 'slot', accountId: 'account', publishAt: 2 * day })
const opened = () => begun().done('openJob', { scenes: 1, seconds: 5 }).done('reserveQuota')
const checking = () => opened().done('submitClip', { clip })
const stored = () =>
  checking()
    .done('checkClip', { kind: 'ready' })
    .done('keepClip', { kept })
    .done('storeVideo', { media })
    .done('checkMedia')
const uploading = () => stored().timer().done('preparePost').done('initPost', { post, audience: 'everyone' })

/** A job in each state that has a step. */
const working: readonly Walk[] = [
  begun(),
  begun().done('openJob', { scenes: 1, seconds: 5 }),
  opened(),
  checking(),
  checking().done('checkClip', { kind: 'ready' }),
  checking().done('checkClip', { kind: 'ready' }).done('keepClip', { kept }),
  checking().done('checkClip', { kind: 'ready' }).done('keepClip', { kept }).done('storeVideo', { media }),
  stored().timer(),
  stored().timer().done('preparePost'),
  uploading(),
  uploading().fail({ kind: 'unknown', failure }),
  uploading().done('uploadChunk').done('uploadChunk').timer(),
  opened().done('submitClip', { clip }).send({ type: 'cancel' }),
]

/** Each code as the error of a step's last attempt; of the rarer kinds only one per verdict. */
const errors: readonly StepError[] = failureVerdicts.flatMap(({ verdict, code, source, meaning }, index) => {
  const isFirst = failureVerdicts.findIndex((row) => row.verdict === verdict) === index
  const kinds = isFirst
    ? (['retry', 'needsPerson', 'unknown', 'failed'] as const)
    : (['retry', 'needsPerson'] as const)
  return kinds.map((kind) => ({ kind, failure: { verdict, code, source, message: meaning } }) as const)
})

const exhausted = (checkpoint: Checkpoint): Checkpoint => ({
  ...checkpoint,
  context: { ...checkpoint.context, attempts: maxAttempts, initAttempts: 5 },
})

function after(checkpoint: Checkpoint, outcome: { readonly error: StepError } | { readonly output: Json }) {
  const id = checkpoint.step?.id ?? ''
  const event =
    'error' in outcome ? failureEvent(id, outcome.error as unknown as Json) : doneEvent(id, outcome.output)
  const decision = decide(jobMachine, checkpoint, event, { at: 3 * day, key: 'k/1', epoch: 1 })
  if (decision.kind === 'refused') throw new Error(`${decision.event} in ${decision.state}`)
  return decision.checkpoint
}

/** Expects that a job that waits for a person says what to do. */
function expectPersonTask({ state, context }: Checkpoint): void {
  if (state !== 'needsPerson') return
  const failure = context.failure as unknown as Failure | null
  expect(failure).not.toBeNull()
  if (!failure) return
  const where = `${failure.source}/${failure.code}`
  expect(['NEEDS_USER', 'NEEDS_OPERATOR', 'FIX_MEDIA', 'OUTCOME_UNKNOWN'], where).toContain(failure.verdict)
  expect(nextStepFor(failure), where).not.toMatch(/^No action|No action needed|This failure is permanent/)
}

it('a job that waits for a person always says what to do, whatever error its step returned', () => {
  let personTasks = 0
  for (const { checkpoint } of working)
    for (const error of [...errors, { kind: 'exhausted', leaseAttempts: 8 } as const]) {
      const next = after(exhausted(checkpoint), { error })
      expectPersonTask(next)
      personTasks += next.state === 'needsPerson' ? 1 : 0
      if (next.state !== 'publishing.reconciling') continue
      // The lookup finds an incomplete or absent post after the last allowed attempt.
      expectPersonTask(after(exhausted(next), { output: { kind: 'partly', nextChunk: 0 } }))
      expectPersonTask(after(exhausted(next), { output: { kind: 'absent' } }))
    }
  expect(personTasks).toBeGreaterThan(1_000)
})

it('a job with a broken clip says what to do, and can render the scene again', () => {
  for (const { verdict, code, source, meaning } of failureVerdicts)
    for (const canRetry of [true, false]) {
      const broken = { kind: 'broken', canRetry, failure: { verdict, code, source, message: meaning } }
      const { checkpoint } = checking()
      const next = after(
        { ...checkpoint, context: { ...checkpoint.context, clipAttempt: 3 } },
        { output: broken },
      )
      expect(next.state).toBe('needsPerson')
      expectPersonTask(next)
      expect(next.context).toMatchObject({ clip: null, clipAttempt: 4 })
    }
})

it('no job fails for good for a reason that a person can fix', async () => {
  // A rejection by TikTok may be final: a person plans another post.
  const permanent = failureVerdicts.filter(({ verdict }) => verdict === 'PERMANENT').map(({ code }) => code)
  expect(permanent).toEqual(['publish_not_cancellable', 'publish_cancelled', 'ALREADY_CONNECTED'])
  const folder = new URL('../../src/steps/', import.meta.url)
  // The steps of a media may fail: their machine then waits for another check or a conversion.
  const names = (await readdir(folder, { recursive: true })).filter(
    (name) => name.endsWith('.ts') && !name.startsWith('media/'),
  )
  const texts = await Promise.all(names.map((name) => readFile(new URL(name, folder), 'utf8')))
  const finals = texts.flatMap((text) =>
    [...text.matchAll(/.*kind: 'failed'(?=, failure).*/g)].map(([line]) => line.trim()),
  )
  expect(finals).toEqual(["return { kind: 'failed', failure }"])
})
