import { getShortestPaths } from '@xstate/graph'
import { describe, expect, it } from 'vitest'
import type { AnyStateMachine } from 'xstate'
import { accountMachine, jobMachine, mediaMachine } from '../../src/definitions/machines.ts'
import { leafPaths } from '../../src/durable/machine.ts'

const at = 1_767_225_600_000
const failure = { verdict: 'RETRY_AFTER', code: 'x', message: 'x' }
const kept = { sha256: 'a', bytes: 1 }
const media = { sha256: 'b', bytes: 10, seconds: 5, width: 1080, height: 1920 }
const post = { publishId: 'p', uploadUrlSealed: 's', chunkSize: 5, chunkCount: 2 }
const expiry = { version: 1, accessExpiresAt: at + 7_200_000, refreshExpiresAt: at + 15_552_000_000 }

/** Every output of a step, by its name. Steps that are not listed return null. */
const outputs: Readonly<Record<string, readonly unknown[]>> = {
  openJob: [
    { scenes: 1, seconds: 5 },
    { scenes: 0, seconds: 5, media },
  ],
  submitClip: [{ clip: { v: 1 } }],
  checkClip: [
    { kind: 'running', progress: 0, pollAfterMs: 1 },
    { kind: 'ready' },
    { kind: 'broken', canRetry: true, failure },
    { kind: 'broken', canRetry: false, failure },
  ],
  keepClip: [{ kept }],
  storeVideo: [{ media }],
  initPost: ['everyone', 'some', 'inbox'].map((audience) => ({ post, audience })),
  reconcilePost: [{ kind: 'absent' }, { kind: 'partly', nextChunk: 1 }, { kind: 'sent' }],
  checkPost: [
    { kind: 'processing' },
    { kind: 'inModeration' },
    { kind: 'public', postIds: ['1'] },
    { kind: 'private' },
    { kind: 'delivered' },
    { kind: 'rejected', canRetry: true, failure },
    { kind: 'rejected', canRetry: false, failure },
    { kind: 'lost', failure },
  ],
  refreshTokens: [expiry],
  checkUpload: [
    { kind: 'accepted', remedies: [] },
    { kind: 'refused', failure, remedies: ['frameRate'] },
  ],
}
const errors = [
  ...['retry', 'unknown', 'needsAccount', 'needsPerson', 'failed'].map((kind) => ({ kind, failure })),
  { kind: 'deferred', failure, afterSeconds: 1 },
  { kind: 'exhausted', leaseAttempts: 8 },
]
/** The fields of all domain events together; each machine reads its own. */
const eventFields = { ...expiry, createdAt: at, postId: '1', canRetry: true, failure }

/** Every event of a machine, with every outcome of its steps. */
function eventsOf(machine: AnyStateMachine) {
  return machine.events.flatMap((type): readonly object[] => {
    const done = /^xstate\.done\.actor\.(.+)$/.exec(type)?.[1]
    if (done) return (outputs[done] ?? [null]).map((output) => ({ type, output, at }))
    if (type.startsWith('xstate.error.actor.')) return errors.map((error) => ({ type, error, at }))
    return [{ type, ...eventFields, at }]
  })
}

/** The dotted path of a state's value. */
const nameOf = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value as object)
        .map(([key, inner]) => `${key}.${nameOf(inner)}`)
        .join()

interface Reached {
  readonly value: unknown
  readonly status: string
  readonly context: Readonly<Record<string, unknown>>
}

/** Identifies a state by its name and the context fields that decide where a job resumes, or a media goes. */
const serializeState = ({ value, context }: Reached): string => {
  const { remedies, wasReady } = context
  const {
    clip,
    media: made,
    post: opened,
    sentAt,
    outcomeUnknown,
    reserved,
    provided,
    scenes,
    clips,
    ending,
  } = context
  const has = [clip, made, opened, sentAt, outcomeUnknown, reserved, provided, scenes].map(Boolean)
  return JSON.stringify([
    nameOf(value),
    has,
    Array.isArray(clips) && clips.length,
    ending,
    remedies,
    wasReady,
  ])
}

/** Every reachable state, with the states on a shortest path to it. */
function reachable(
  machine: AnyStateMachine,
  input: object,
  /** Instead of all events of their types. */
  only: readonly { readonly type: string; readonly [field: string]: unknown }[] = [],
): ReadonlyMap<string, ReadonlySet<string>> {
  const others = eventsOf(machine).filter(
    (event) => !only.some(({ type }) => 'type' in event && event.type === type),
  )
  const options = {
    events: [...only, ...others],
    input: { ...input, at },
    serializeState,
    // The runtime refuses every event in a final state; XState's root transitions would not.
    stopWhen: ({ status }: Reached) => status !== 'active',
    limit: 1_000_000,
  }
  // The library types events by the machine; ours is any machine.
  const paths = getShortestPaths(machine, options as never)
  const passed = new Map<string, Set<string>>()
  for (const { state, steps } of paths) {
    const end = nameOf((state as Reached).value)
    const names = steps.map((step) => nameOf((step.state as Reached).value))
    passed.set(end, new Set([...(passed.get(end) ?? []), ...names]))
  }
  return passed
}

describe('the graph of a machine', () => {
  it('reaches every state of a job that a checkpoint can hold', () => {
    const passed = reachable(jobMachine.logic, { slotId: 's', accountId: 'a', publishAt: at })
    // `rendered` is the end of a preview, which is a job of another input.
    const transient = ['generating.kept', 'publishing.opened', 'resuming', 'rendered']
    expect([...leafPaths(jobMachine)].filter((leaf) => !passed.has(leaf))).toEqual(transient)
  })

  it('reaches nothing that posts for a preview', () => {
    const passed = reachable(jobMachine.logic, {
      purpose: 'preview',
      slotId: 's',
      accountId: 'a',
      publishAt: at,
    })
    expect(passed.has('rendered')).toBe(true)
    const posting = [...passed.keys()].filter((state) =>
      /^(awaitingSlot|publishing|watching|published)/.test(state),
    )
    expect(posting).toEqual([])
  })

  it('reaches published only through uploading and closing', () => {
    const passed = reachable(jobMachine.logic, { slotId: 's', accountId: 'a', publishAt: at })
    expect(passed.get('published')).toContain('publishing.uploading')
    expect(passed.get('published')).toContain('closing')
  })

  it('generates nothing for a job that posts a media', () => {
    const passed = reachable(jobMachine.logic, { slotId: 's', accountId: 'a', publishAt: at }, [
      { type: 'xstate.done.actor.openJob', output: { scenes: 0, seconds: 5, media }, at },
    ])
    expect(passed.has('published')).toBe(true)
    expect(
      [...passed.keys()].filter((state) => state.startsWith('generating') || state === 'storing'),
    ).toEqual([])
  })

  it('reaches every state of an account', () => {
    const passed = reachable(accountMachine.logic, { accountId: 'a' })
    expect([...leafPaths(accountMachine)].filter((leaf) => !passed.has(leaf))).toEqual([])
  })

  it('reaches every state of a media, and ready only through a check', () => {
    const passed = reachable(mediaMachine.logic, { mediaId: 'm' })
    expect([...leafPaths(mediaMachine)].filter((leaf) => !passed.has(leaf))).toEqual(['added'])
    expect(passed.get('ready')).toContain('checking.probing')
  })
})
