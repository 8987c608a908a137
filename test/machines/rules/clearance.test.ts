import { describe, expect, it } from 'vitest'
import { type ClearanceFacts, clearanceOf, failureOfStop } from '../../../machines/rules/clearance.ts'
import type { StepError } from '../../../machines/rules/failure.ts'
import { jobMachine } from '../../../src/definitions/machines.ts'
import type { Json } from '../../../src/durable/checkpoint.ts'
import { decide } from '../../../src/durable/decide.ts'
import { contextOf, leafPaths } from '../../../src/durable/machine.ts'
import { jobInState } from '../job-in-state.ts'
import type { Walk } from '../walk.ts'

const free: ClearanceFacts = {
  planState: 'approved',
  locked: false,
  autopilot: true,
  startedBy: 'scan',
  accountState: 'connected',
  approval: 'current',
}
const hour = 3_600_000
const onTime = { before: 'posting', publishAt: 0, mayBeLate: false, at: 0 } as const

describe('clearance of a job', () => {
  it.each<[string, Partial<ClearanceFacts>, object]>([
    ['nothing stands against it', {}, { kind: 'clear' }],
    ['its plan is archived', { planState: 'archived' }, { kind: 'hold', code: 'PLAN_ARCHIVED' }],
    ['its plan is locked', { locked: true }, { kind: 'hold', code: 'PLAN_LOCKED' }],
    ['autopilot is off, which has started it', { autopilot: false }, { kind: 'hold', code: 'AUTOPILOT_OFF' }],
    [
      'autopilot is off, and a person started it',
      { autopilot: false, startedBy: 'person' },
      { kind: 'clear' },
    ],
    ['its slot was edited', { approval: 'none' }, { kind: 'hold', code: 'NOT_APPROVED' }],
    [
      'its slot was changed outside the API',
      { approval: 'stale' },
      { kind: 'needsPerson', code: 'APPROVAL_STALE' },
    ],
    ['another slot of its plan was edited', { planState: 'draft' }, { kind: 'clear' }],
    ['its plan is under review again', { planState: 'inReview' }, { kind: 'clear' }],
    ['its account is being refreshed', { accountState: 'refreshing.backingOff' }, { kind: 'clear' }],
    [
      'its account is revoked',
      { accountState: 'revoked' },
      { kind: 'needsAccount', code: 'ACCOUNT_NOT_CONNECTED' },
    ],
    [
      'its account is disconnected',
      { accountState: 'disconnecting.revoking' },
      { kind: 'needsAccount', code: 'ACCOUNT_NOT_CONNECTED' },
    ],
  ])('follows from the plan, the approval and the account: %s', (_why, change, clearance) => {
    expect(clearanceOf({ ...free, ...change }, onTime)).toEqual(clearance)
  })

  it('allows posting but not rendering while the account needs reauthorization', () => {
    const facts = { ...free, accountState: 'needsReauthorization' }
    expect(clearanceOf(facts, { ...onTime, before: 'rendering' })).toMatchObject({ kind: 'needsAccount' })
    expect(clearanceOf(facts, onTime)).toEqual({ kind: 'clear' })
  })

  it('needs a person an hour after the slot, unless a person allowed lateness', () => {
    expect(clearanceOf(free, { ...onTime, at: hour })).toEqual({ kind: 'clear' })
    const late = { ...onTime, at: hour + 1 }
    expect(clearanceOf(free, late)).toEqual({ kind: 'needsPerson', code: 'SLOT_PASSED' })
    expect(clearanceOf(free, { ...late, mayBeLate: true })).toEqual({ kind: 'clear' })
  })
})

/** Outputs of the steps that do not check clearance. */
const outputs: Readonly<Record<string, Json>> = {
  openJob: { scenes: 1, seconds: 5 },
  submitClip: { clip: { v: 1 } },
  checkClip: { kind: 'ready' },
  keepClip: { kept: { sha256: 'a', bytes: 1 } },
  storeVideo: { media: { sha256: 'b', bytes: 10, seconds: 5, width: 1080, height: 1920 } },
  initPost: {
    post: { publishId: 'p', uploadUrlSealed: 's', chunkSize: 5, chunkCount: 2, approvedHash: 'h' },
    audience: 'everyone',
  },
  checkPost: { kind: 'private' },
}
const clearanceBefore: Readonly<Record<string, 'rendering' | 'posting'>> = {
  openJob: 'rendering',
  submitClip: 'rendering',
  initPost: 'posting',
  checkHold: 'posting',
}

const jobContext = ({ checkpoint }: Walk) => contextOf(jobMachine, checkpoint)
const isSent = (walk: Walk) => jobContext(walk).sentAt !== null

/** Performs the pending step, with the clearance check of the real steps. */
function perform(walk: Walk, facts: ClearanceFacts): void {
  const { publishAt, mayBeLate, nextChunk, post } = jobContext(walk)
  const name = walk.checkpoint.step?.name ?? ''
  const before =
    name === 'uploadChunk' && nextChunk + 1 === post?.chunkCount ? 'posting' : clearanceBefore[name]
  const clearance = before && clearanceOf(facts, { before, publishAt, mayBeLate, at: walk.at })
  if (clearance === undefined || clearance.kind === 'clear') {
    const truth = post === null ? { kind: 'absent' } : { kind: 'partly', nextChunk }
    walk.done(name, name === 'reconcilePost' ? truth : (outputs[name] ?? null))
    return
  }
  const kind = clearance.kind === 'hold' ? 'held' : clearance.kind
  walk.fail({ kind, failure: failureOfStop(clearance.code) } satisfies StepError)
}

/** Drives a job for days by its timers and by every event that people can send. */
function run(walk: Walk, facts: ClearanceFacts): Walk {
  const requests = ['accountConnected', 'resume', 'retry']
  for (let index = 0; index < 300 && !isSent(walk); index += 1) {
    if (walk.checkpoint.step) perform(walk, facts)
    else if (walk.checkpoint.tag === 'waiting') walk.timer()
    else {
      const request = requests.find((type) => isAccepted(walk, type))
      if (request === undefined) return walk
      walk.send({ type: request })
    }
  }
  return walk
}

function isAccepted(walk: Walk, type: string): boolean {
  return (
    decide(jobMachine, walk.checkpoint, { type }, { at: walk.at, key: 'x', epoch: null }).kind === 'moved'
  )
}

const stops: readonly (readonly [
  name: string,
  code: Parameters<typeof failureOfStop>[0],
  facts: ClearanceFacts,
])[] = [
  ['archived', 'PLAN_ARCHIVED', { ...free, planState: 'archived' }],
  ['locked', 'PLAN_LOCKED', { ...free, locked: true }],
  ['taken off autopilot', 'AUTOPILOT_OFF', { ...free, autopilot: false }],
  ['changed outside the API', 'APPROVAL_STALE', { ...free, approval: 'stale' }],
]

/** States in which a post has been sent or never will be. */
const isOver = (state: string) =>
  /^(watching|closing|rendered|published|delivered|takenDown|cancelled|failed)/.test(state)

describe.each(Object.entries(jobInState))('a job in %s', (state, createWalk) => {
  it.each(stops)('posts nothing once its plan is %s, with or without a hold event', (_name, code, facts) => {
    for (const sendsHold of [true, false]) {
      const walk = createWalk()
      expect(walk.state).toBe(state)
      const before = isSent(walk)
      const holdEvent = { type: 'hold', failure: failureOfStop(code) }
      if (
        sendsHold &&
        decide(jobMachine, walk.checkpoint, holdEvent, { at: walk.at, key: 'x', epoch: null }).kind ===
          'moved'
      ) {
        walk.send(holdEvent)
        expect(walk.checkpoint).toMatchObject({
          state: 'held',
          tag: 'waiting',
          context: { failure: { code } },
        })
      }
      if (isOver(state)) continue
      run(walk, facts)
      expect(isSent(walk)).toBe(before)

      // After the hold is lifted the job resumes, by itself or by a retry.
      if (isAccepted(walk, 'cleared')) walk.send({ type: 'cleared' })
      expect(isSent(run(walk, free))).toBe(true)
    }
  })
})

it('every state of the job has a test case', () => {
  const transient = ['generating.kept', 'publishing.opened', 'resuming']
  const states = [...leafPaths(jobMachine)].filter((path) => !transient.includes(path))
  expect(Object.keys(jobInState).sort()).toEqual(states.sort())
})

describe('a held job', () => {
  it('can be cancelled, paused and resumed', () => {
    expect(jobInState.held?.().send({ type: 'cancel' }).state).toBe('closing')
    expect(jobInState.held?.().send({ type: 'pause' }).send({ type: 'resume' }).state).toBe('awaitingSlot')
  })

  it('checks its hold periodically and at the time of its slot', () => {
    const walk = jobInState.held?.()
    expect(walk?.timer().state).toBe('checkingHold')
    expect(walk?.done('checkHold').state).toBe('awaitingSlot')
  })

  it('drops a post that was opened under an earlier approval, and opens another', () => {
    const walk = jobInState['publishing.uploading']?.().done('uploadChunk')
    walk?.fail({ kind: 'outdated', failure: failureOfStop('NOT_APPROVED') })
    expect(walk?.checkpoint).toMatchObject({ state: 'awaitingSlot', context: { post: null, nextChunk: 0 } })
  })
})
