import { randomUUID } from 'node:crypto'
import { ReadableStream } from 'node:stream/web'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { defaultOpenMs, failureThreshold } from '../../machines/breaker.ts'
import { fullBudget, maxUnits, retriesLeft, retryCostUnits } from '../../machines/rules/retry-budget.ts'
import { createWithBreaker } from '../../src/circuit-breaker/with-breaker.ts'
import type { StepContext } from '../../src/durable/step.ts'
import {
  type ClipPlan,
  type JobState,
  PollTransient,
  SubmitNotSent,
  type SubmitOptions,
  SubmitRejected,
  SubmitUnknown,
  type VideoProvider,
} from '../../src/providers/video/provider.ts'
import { closeJob } from '../../src/steps/close-job.ts'
import type { StepDeps } from '../../src/steps/step-deps.ts'
import { checkClip, keepClip, submitClip } from '../../src/steps/video/clip.ts'
import { readBreakers } from '../../src/store/breaker/breakers.ts'
import { createTestDatabase } from '../support/database.ts'
import { createWorkerFixture } from '../support/worker-fixture.ts'
import { rowOf } from './support.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const fixture = await createWorkerFixture(database, 1)
afterAll(() => fixture.close())
const { organizationId } = fixture
const slotId = fixture.slotIds[0] ?? ''
const clip = { v: 1, provider: 'far', model: 'm', data: 'd' }
const key = 'video/far'

/** A remote provider that returns or throws the value of `says` and counts its calls. */
class FarProvider implements VideoProvider {
  readonly id = 'far'
  readonly traits: VideoProvider['traits']
  calls = 0
  submitted: SubmitOptions | undefined
  response: JobState | Error = { kind: 'running', pollAfterMs: 1_000 }

  constructor(idempotentSubmit = true) {
    this.traits = { idempotentSubmit, cancellable: true, webhooks: false, minPollMs: 1, urlTtlMs: 1 }
  }
  plan = ({ key: name }: Parameters<VideoProvider['plan']>[0]) =>
    ({ kind: 'planned', key: name, model: 'm', width: 1, height: 1, seconds: 1, input: null }) as const
  async submit(_: ClipPlan, options: SubmitOptions) {
    this.submitted = options
    this.#respond()
    return { ...clip, v: 1 } as const
  }
  async poll() {
    return this.#respond()
  }
  async open() {
    this.#respond()
    return new ReadableStream<Uint8Array>()
  }
  async cancel() {
    this.#respond()
  }
  #respond(): JobState {
    this.calls += 1
    if (this.response instanceof Error) throw this.response
    return this.response
  }
}

let at = 1_767_225_600_000
const withBreaker = createWithBreaker({ db, now: () => at, random: () => 0 })

/** The steps of a job whose clips are made by this provider. */
function stepsOf(videos: FarProvider) {
  const deps = { db, videos, withBreaker } as unknown as StepDeps // These steps use no other dependencies before a clip exists.
  const jobId = randomUUID()
  const context = (given: Partial<StepContext> = {}): StepContext => ({
    organizationId,
    jobId,
    key: `${jobId}/1`,
    mayHaveBegun: false,
    signal: new AbortController().signal,
    fence: async () => undefined,
    now: () => at,
    ...given,
  })
  const scene = { slotId, publishAt: at, mayBeLate: false, scene: 0, attempt: 1 }
  return {
    submit: (given?: Partial<StepContext>) => submitClip(deps, context(given), scene),
    check: (given?: Partial<StepContext>, attempts = 0) =>
      checkClip(deps, context(given), { clip, attempts }),
    keep: () => keepClip(deps, context(), { clip }),
    close: () => closeJob(deps, context(), { clip, used: false }),
  }
}

/** Opens the breaker by failed polls. */
async function fail(videos: FarProvider): Promise<void> {
  videos.response = new PollTransient('busy')
  for (let index = 0; index < failureThreshold; index += 1)
    expect(await stepsOf(videos).check()).toMatchObject({ error: { kind: 'retry' } })
  videos.calls = 0
}

const deferral = {
  kind: 'notDone',
  error: {
    kind: 'deferred',
    afterSeconds: defaultOpenMs / 1_000,
    failure: { verdict: 'RETRY_AFTER', code: 'circuitOpen', source: 'reelpilot' },
  },
}

beforeEach(async () => {
  await database.owner.pool.query('delete from reelpilot.circuit_breaker')
})

it.each([
  [new SubmitNotSent('no connection'), 'retry'],
  [new SubmitUnknown('no answer'), 'retry'],
])('the breaker of a provider opens after five failed submissions in a row (%s)', async (error, kind) => {
  const videos = new FarProvider()
  videos.response = error
  for (let index = 0; index < failureThreshold; index += 1)
    expect(await stepsOf(videos).submit()).toMatchObject({ error: { kind } })
  expect(await stepsOf(videos).submit()).toMatchObject(deferral)
  expect(videos.calls).toBe(failureThreshold)
})

it('every call to the provider is deferred while its breaker is open, and a probe after a minute decides', async () => {
  const videos = new FarProvider()
  await fail(videos)
  const { submit, check, keep } = stepsOf(videos)
  for (const step of [submit, check, keep]) expect(await step()).toMatchObject(deferral)
  expect(videos.calls).toBe(0)

  at += defaultOpenMs
  expect(await check()).toMatchObject({ error: { kind: 'retry' } })
  expect(await check()).toMatchObject(deferral)
  at += defaultOpenMs
  videos.response = { kind: 'running', pollAfterMs: 1_000 }
  expect(await check()).toMatchObject({ kind: 'done' })
  expect(await rowOf(database, key)).toMatchObject({ state: 'recovering' })
})

it('polling and opening a finished clip is one call: during recovery both are permitted or neither', async () => {
  const videos = new FarProvider()
  await fail(videos)
  at += defaultOpenMs
  videos.response = { kind: 'done', assets: [{ name: 'clip', contentType: 'video/mp4' }] }
  await stepsOf(videos).check()
  videos.calls = 0
  // There is no storage here: the step goes as far as it, once the clip is open.
  await expect(stepsOf(videos).keep()).rejects.toThrow(TypeError)
  expect(videos.calls).toBe(2)
  expect(await stepsOf(videos).keep()).toMatchObject({ error: { kind: 'deferred' } })
  expect(videos.calls).toBe(2)
})

describe('a call does not count as a failure of the provider', () => {
  it('if the provider rejects the scene', async () => {
    const videos = new FarProvider()
    videos.response = new SubmitRejected('no such thing')
    for (let index = 0; index < 2 * failureThreshold; index += 1)
      expect(await stepsOf(videos).submit()).toMatchObject({ error: { kind: 'needsPerson' } })
    expect(videos.calls).toBe(2 * failureThreshold)
  })

  it('if we aborted it', async () => {
    const videos = new FarProvider()
    videos.response = new PollTransient('aborted')
    const signal = AbortSignal.abort()
    for (let index = 0; index < 2 * failureThreshold; index += 1) await stepsOf(videos).check({ signal })
    expect(await rowOf(database, key)).toBeUndefined()
  })
})

describe('a scene that may have been paid for', () => {
  it('is not sent again, whether the breaker is open or not', async () => {
    const videos = new FarProvider(false)
    const { submit } = stepsOf(videos)
    const unknown = { error: { kind: 'unknown', failure: { code: 'SUBMIT_UNKNOWN' } } }
    expect(await submit({ mayHaveBegun: true })).toMatchObject(unknown)
    await fail(videos)
    expect(await submit({ mayHaveBegun: true })).toMatchObject(unknown)
    expect(videos.calls).toBe(0)
  })

  it('does not include one whose submission was deferred, which is sent later', async () => {
    const videos = new FarProvider(false)
    await fail(videos)
    const { submit } = stepsOf(videos)
    expect(await submit()).toMatchObject(deferral)
    at += defaultOpenMs
    videos.response = { kind: 'running', pollAfterMs: 1_000 }
    expect(await submit()).toMatchObject({ kind: 'done', output: { clip } })
    expect(videos.calls).toBe(1)
  })
})

it('a job is closed without waiting for a provider whose breaker is open', async () => {
  const videos = new FarProvider()
  await stepsOf(videos).close()
  expect(videos.calls).toBe(1)
  await fail(videos)
  expect(await stepsOf(videos).close()).toMatchObject({ kind: 'done' })
  expect(videos.calls).toBe(0)
})

it('a retried step uses the retry budget of its provider', async () => {
  const videos = new FarProvider()
  const left = async () => {
    const { breakers } = await readBreakers(db, [{ key, accountId: null }])
    return retriesLeft(breakers[0]?.retryBudget ?? fullBudget, at)
  }
  videos.response = new PollTransient('busy')
  await stepsOf(videos).check({}, 0)
  expect(await left()).toBe(maxUnits / retryCostUnits)
  await stepsOf(videos).check({}, 1)
  expect(await left()).toBe(maxUnits / retryCostUnits - 1)
})

it('a clip is submitted with its organization and the time of its slot, which order the provider’s queue', async () => {
  const videos = new FarProvider()
  expect(await stepsOf(videos).submit()).toMatchObject({ kind: 'done' })
  const { publish_at } = await db
    .selectFrom('slot')
    .select('publish_at')
    .where('id', '=', slotId)
    .executeTakeFirstOrThrow()
  expect(videos.submitted).toMatchObject({ organizationId, dueAt: publish_at })
})
