import { describe, expect, it } from 'vitest'
import type { JobContext } from '../../machines/job/context.ts'
import { renderProgress } from '../../machines/job/facts.ts'
import { maxCountedPolls } from '../../machines/job/poll-schedule.ts'
import { jobMachine } from '../../src/definitions/machines.ts'
import { decide } from '../../src/durable/decide.ts'
import { leafPaths } from '../../src/durable/machine.ts'
import { isUnchanged } from '../../src/durable/poll.ts'
import { day, Walk } from './walk.ts'

const input = { slotId: 'slot', accountId: 'account', publishAt: 2 * day }
const failure = { verdict: 'RETRY_AFTER', code: 'x', message: 'x' } as const

class JobWalk extends Walk {
  constructor(change: object = {}) {
    super(jobMachine, { ...input, ...change })
  }
}

const clip = { v: 1, provider: 'local', model: 'm', data: 1 }
const kept = { sha256: 'a', bytes: 1 }
const media = { sha256: 'b', bytes: 10, seconds: 5, width: 1080, height: 1920 }
const post = { publishId: 'p', uploadUrlSealed: 's', chunkSize: 5, chunkCount: 2 }

const id = '7312345678901234567'
const shown = (createdAt: number, postId = id) => ({ type: 'postShown', createdAt, postId })
const hidden = (createdAt: number, postId = id) => ({ type: 'postHidden', createdAt, postId })

/** The time until the machine's timer, in milliseconds. */
const waitOf = ({ checkpoint, at }: JobWalk) =>
  (Object.values(checkpoint.timers)[0]?.dueAt ?? Number.NaN) - at

const toGenerating = () => new JobWalk().done('openJob', { scenes: 2, seconds: 5 }).done('reserveQuota')
const toStored = () =>
  toGenerating()
    .done('submitClip', { clip })
    .done('checkClip', { kind: 'ready' })
    .done('keepClip', { kept })
    .done('submitClip', { clip })
    .done('checkClip', { kind: 'ready' })
    .done('keepClip', { kept })
    .done('storeVideo', { media })
    .done('checkMedia')
const toUploading = (audience = 'everyone') =>
  toStored().timer().done('preparePost').done('initPost', { post, audience })
const toAccepted = (audience = 'everyone') => toUploading(audience).done('uploadChunk').done('uploadChunk')

describe('the job machine', () => {
  it('renders scene by scene, uploads chunk by chunk, and watches the post until it is published', () => {
    const walk = toAccepted().timer().done('checkPost', { kind: 'inModeration' }).timer()
    walk.done('checkPost', { kind: 'public', postIds: ['7312345678901234567'] }).done('closeJob')
    expect(walk.visited).toEqual([
      'queued',
      'reservingQuota',
      'generating.submitting',
      'generating.checking',
      'generating.keeping',
      'generating.submitting',
      'generating.checking',
      'generating.keeping',
      'storing',
      'checkingMedia',
      'awaitingSlot',
      'publishing.preparing',
      'publishing.initialising',
      'publishing.uploading',
      'publishing.uploading',
      'watching.accepted',
      'watching.checking',
      'watching.inModeration',
      'watching.checking',
      'closing',
      'published',
    ])
    expect(walk.checkpoint).toMatchObject({
      tag: 'settled',
      context: { publicPostIds: ['7312345678901234567'], visibility: 'public' },
    })
  })

  it('posts a media without generating anything, from wherever it resumes', () => {
    const opened = () => new JobWalk().done('openJob', { scenes: 0, seconds: 5, media })
    const walk = opened().done('reserveQuota').done('checkMedia').timer().done('preparePost')
    expect(walk.checkpoint.step?.input).toMatchObject({ media })
    expect(walk.visited).toEqual([
      'queued',
      'reservingQuota',
      'checkingMedia',
      'awaitingSlot',
      'publishing.preparing',
      'publishing.initialising',
    ])
    const short = opened().fail({ kind: 'needsPerson', failure })
    expect(short.send({ type: 'quotaGranted' }).state).toBe('reservingQuota')
    const paused = opened().done('reserveQuota').send({ type: 'pause' })
    expect(paused.send({ type: 'resume' }).state).toBe('checkingMedia')
    const failed = opened().fail({ kind: 'retry', failure })
    expect(failed.timer().state).toBe('reservingQuota')
  })

  it('reserves for a media no quota of generated videos', () => {
    const inputOf = (walk: JobWalk) => walk.checkpoint.step?.input
    expect(inputOf(new JobWalk().done('openJob', { scenes: 0, seconds: 5, media }))).toEqual({
      purpose: 'post',
      seconds: 5,
      isGenerated: false,
    })
    expect(inputOf(new JobWalk().done('openJob', { scenes: 1, seconds: 5 }))).toEqual({
      purpose: 'post',
      seconds: 5,
      isGenerated: true,
    })
  })

  it('renders a preview, checks it, and posts nothing, also long after the time of its slot', () => {
    const walk = new JobWalk({ purpose: 'preview' })
    walk.at = 3 * day
    walk.done('openJob', { scenes: 1, seconds: 5 })
    expect(walk.checkpoint.step?.input).toMatchObject({ purpose: 'preview' })
    walk.done('reserveQuota').fail({ kind: 'retry', failure }).timer()
    walk
      .done('submitClip', { clip })
      .done('checkClip', { kind: 'running', progress: 0, pollAfterMs: 1_000 })
      .timer()
    walk
      .done('checkClip', { kind: 'ready' })
      .done('keepClip', { kept })
      .done('storeVideo', { media })
      .done('checkMedia')
    expect(walk.checkpoint.step).toMatchObject({
      name: 'closeJob',
      input: { ending: 'rendered', used: true },
    })
    walk.done('closeJob')
    expect(walk.checkpoint).toMatchObject({ state: 'rendered', tag: 'settled' })
    expect(walk.visited).not.toContain('awaitingSlot')
  })

  it('uses no rendering for a video that is there already', () => {
    const walk = new JobWalk().done('openJob', { scenes: 0, seconds: 5, media }).done('reserveQuota')
    walk.done('checkMedia').send({ type: 'cancel' })
    expect(walk.checkpoint.step).toMatchObject({ name: 'closeJob', input: { used: false } })
  })

  it('waits for the slot to the millisecond', () => {
    const walk = toStored()
    expect(Object.values(walk.checkpoint.timers).map((timer) => timer.dueAt)).toEqual([2 * day])
  })

  it('polls a clip that is still rendering, and keeps its progress', () => {
    const walk = toGenerating()
      .done('submitClip', { clip })
      .done('checkClip', { kind: 'running', progress: 0.5, pollAfterMs: 400 })
    expect(walk.checkpoint).toMatchObject({
      state: 'generating.rendering',
      tag: 'waiting',
      context: { progress: { completed: 0.5, total: 2, unit: 'scenes' } },
    })
    expect(walk.timer().state).toBe('generating.checking')
  })

  it.each([
    [0.51, 0.5],
    [0.59, 0.5],
    [0.61, 0.6],
    [1, 1],
  ])('tells %f of a clip of two as %f: each change of the progress is a revision', (progress, told) => {
    const walk = toGenerating()
      .done('submitClip', { clip })
      .done('checkClip', { kind: 'running', progress, pollAfterMs: 400 })
    expect(walk.checkpoint.context.progress).toMatchObject({ completed: told, total: 2 })
  })

  it('never tells less than the clips that are stored', () => {
    const { completed } = renderProgress({ clips: [{}], scenes: 3 } as unknown as JobContext, 0)
    expect(completed).toBe(1)
  })

  it('backs off exponentially and resumes in the same state', () => {
    const walk = toGenerating().done('submitClip', { clip })
    const waits: number[] = []
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      walk.fail({ kind: 'retry', failure })
      const due = Object.values(walk.checkpoint.timers)[0]?.dueAt ?? 0
      waits.push(due - walk.at)
      expect(walk.timer().state).toBe('generating.checking')
    }
    waits.forEach((wait, index) => {
      const full = Math.min(60_000, 1_000 * 2 ** index)
      expect(wait).toBeGreaterThanOrEqual(full / 2)
      expect(wait).toBeLessThanOrEqual(full)
    })
  })

  it('never retries before the upstream’s Retry-After', () => {
    const walk = toGenerating()
      .done('submitClip', { clip })
      .fail({ kind: 'retry', failure, afterSeconds: 500 })
    expect(Object.values(walk.checkpoint.timers)[0]?.dueAt).toBeGreaterThanOrEqual(walk.at + 500_000)
  })

  it('looks the outcome up when the response to a chunk was lost, and resumes from it', () => {
    const walk = toUploading().fail({ kind: 'unknown', failure })
    expect(walk.state).toBe('publishing.reconciling')
    expect(walk.done('reconcilePost', { kind: 'partly', nextChunk: 1 }).timer().state).toBe(
      'publishing.uploading',
    )
    expect(walk.checkpoint.step?.input).toMatchObject({ chunk: 1 })
    walk.fail({ kind: 'unknown', failure }).done('reconcilePost', { kind: 'sent' })
    expect(walk.state).toBe('watching.accepted')
  })

  it('looks a lost outcome up at once, but repeats the call only after the upstream’s Retry-After', () => {
    const unknownOutcome = { kind: 'unknown', failure, afterSeconds: 300 } as const
    expect(
      waitOf(toUploading().fail(unknownOutcome).done('reconcilePost', { kind: 'partly', nextChunk: 0 })),
    ).toBeGreaterThan(300_000)
    expect(
      waitOf(
        toStored().timer().done('preparePost').fail(unknownOutcome).done('reconcilePost', { kind: 'absent' }),
      ),
    ).toBeGreaterThan(300_000)
  })

  it('applies a pending pause without waiting for the upstream’s Retry-After', () => {
    const walk = toUploading().fail({ kind: 'unknown', failure, afterSeconds: 300 })
    walk.send({ type: 'pause' }).done('reconcilePost', { kind: 'partly', nextChunk: 1 })
    expect(waitOf(walk)).toBe(0)
    expect(walk.timer().state).toBe('paused')
  })

  it('opens another post only if the first can never appear, with growing delays, at most five times', () => {
    const walk = toStored().timer().done('preparePost')
    for (const seconds of [1, 8, 64, 300]) {
      walk.fail({ kind: 'unknown', failure })
      expect(walk.state).toBe('publishing.reconciling')
      walk.done('reconcilePost', { kind: 'absent' })
      expect(waitOf(walk)).toBeGreaterThanOrEqual(1_000 * seconds)
      expect(waitOf(walk)).toBeLessThanOrEqual(1_200 * seconds)
      walk.timer().timer().done('preparePost')
      expect(walk.state).toBe('publishing.initialising')
    }
    walk.fail({ kind: 'unknown', failure }).done('reconcilePost', { kind: 'absent' })
    expect(walk.state).toBe('needsPerson')
  })

  it('never uploads again once the last chunk is sent, whatever fails', () => {
    const walk = toAccepted().timer()
    for (let attempt = 0; attempt < 5; attempt += 1) walk.fail({ kind: 'retry', failure }).timer()
    walk.fail({ kind: 'failed', failure })
    expect(walk.visited.slice(walk.visited.indexOf('watching.accepted'))).not.toContain(
      'publishing.uploading',
    )
    expect(walk.visited.slice(walk.visited.indexOf('watching.accepted'))).not.toContain(
      'publishing.initialising',
    )
  })

  it('waits for a person after 72 hours of watching, and watches on after a retry', () => {
    const walk = toAccepted()
    while (walk.state !== 'needsPerson') walk.timer().done('checkPost', { kind: 'processing' })
    expect(walk.state).toBe('needsPerson')
    expect(walk.checkpoint.context).toMatchObject({ failure: { code: 'UNCONFIRMED' } })
    expect(walk.send({ type: 'retry' }).state).toBe('watching.accepted')
  })

  it('completes a paid submit before it cancels', () => {
    const walk = toGenerating().send({ type: 'cancel' })
    expect(walk.state).toBe('generating.submitting')
    walk.done('submitClip', { clip })
    expect(walk.state).toBe('closing')
    expect(walk.checkpoint.step?.input).toMatchObject({ ending: 'cancelled', clip })
    expect(walk.done('closeJob').state).toBe('cancelled')
  })

  it('drops a cancel request that came during the last chunk', () => {
    const walk = toUploading().done('uploadChunk').send({ type: 'cancel' }).done('uploadChunk')
    expect(walk.state).toBe('watching.accepted')
    for (const type of ['cancel', 'pause']) expect(() => walk.send({ type })).toThrow('was refused')
  })

  describe('with an unknown outcome of the last chunk', () => {
    const unheard = () =>
      toUploading().done('uploadChunk').fail({ kind: 'unknown', failure }).fail({ kind: 'retry', failure })

    it('is cancelled only after TikTok reports that it has no such post', () => {
      const walk = unheard().send({ type: 'cancel' })
      expect(walk.state).toBe('publishing.reconciling')
      // A deferred lookup waits; it does not loop.
      walk.fail({ kind: 'deferred', failure, afterSeconds: 7 })
      expect((Object.values(walk.checkpoint.timers)[0]?.dueAt ?? 0) - walk.at).toBe(7_000)
      expect(walk.timer().state).toBe('publishing.reconciling')
      expect(walk.done('reconcilePost', { kind: 'absent' }).timer().done('closeJob').state).toBe('cancelled')
    })

    it('is not cancelled if TikTok has all bytes', () => {
      const walk = unheard().send({ type: 'cancel' }).done('reconcilePost', { kind: 'sent' })
      expect(walk.checkpoint).toMatchObject({ state: 'watching.accepted', context: { pendingRequest: null } })
    })

    it('keeps a cancel request while its account is not connected', () => {
      const walk = unheard().send({ type: 'cancel' }).fail({ kind: 'needsAccount', failure })
      expect(walk.state).toBe('waitingForAccount')
      expect(walk.send({ type: 'accountConnected' }).state).toBe('publishing.reconciling')
      expect(walk.done('reconcilePost', { kind: 'absent' }).timer().done('closeJob').state).toBe('cancelled')
    })

    it('can be paused, and looks the outcome up before a cancel', () => {
      const walk = unheard().send({ type: 'pause' })
      expect(walk.state).toBe('paused')
      expect(walk.send({ type: 'cancel' }).state).toBe('publishing.reconciling')
    })
  })

  it('is cancelled at once after a lost response to a chunk that is not the last', () => {
    const walk = toUploading().fail({ kind: 'unknown', failure }).fail({ kind: 'retry', failure })
    expect(walk.send({ type: 'cancel' }).state).toBe('closing')
  })

  it('resumes a paused job from its context', () => {
    expect(toStored().send({ type: 'pause' }).send({ type: 'resume' }).state).toBe('awaitingSlot')
    const rendering = toGenerating()
      .done('submitClip', { clip })
      .done('checkClip', { kind: 'running', progress: 0, pollAfterMs: 1 })
    expect(rendering.send({ type: 'pause' }).send({ type: 'resume' }).state).toBe('generating.checking')
  })

  it('waits for quota, and resumes when quota is granted', () => {
    const walk = new JobWalk()
      .done('openJob', { scenes: 1, seconds: 3 })
      .fail({ kind: 'needsPerson', failure })
    expect(walk.state).toBe('waitingForQuota')
    expect(walk.send({ type: 'quotaGranted' }).state).toBe('reservingQuota')
  })

  it('waits for a person when a step keeps failing, and resumes after a retry', () => {
    const walk = toGenerating().done('submitClip', { clip }).fail({ kind: 'exhausted', leaseAttempts: 8 })
    expect(walk.state).toBe('needsPerson')
    expect(walk.checkpoint.context).toMatchObject({ failure: { verdict: 'NEEDS_OPERATOR' } })
    expect(walk.send({ type: 'retry' }).state).toBe('generating.checking')
  })

  it('settles its quota before it fails with a verdict', () => {
    const walk = toStored()
      .timer()
      .fail({ kind: 'failed', failure: { ...failure, verdict: 'PERMANENT' } })
    expect(walk.state).toBe('closing')
    expect(walk.done('closeJob').checkpoint).toMatchObject({
      state: 'failed',
      tag: 'final',
      context: { failure: { verdict: 'PERMANENT' } },
    })
  })

  it('accepts no event from a person once it is settled or final', () => {
    for (const walk of [
      toAccepted().timer().done('checkPost', { kind: 'private' }).done('closeJob'),
      toAccepted('inbox').timer().done('checkPost', { kind: 'delivered' }).done('closeJob'),
      toUploading().fail({ kind: 'needsPerson', failure }).send({ type: 'cancel' }).done('closeJob'),
    ])
      for (const type of ['cancel', 'pause', 'resume', 'retry', 'accountConnected'])
        expect(() => walk.send({ type })).toThrow('was refused')
  })

  it('reaches every state with the declared tag', () => {
    const walks = [
      new JobWalk({ purpose: 'preview' })
        .done('openJob', { scenes: 0, seconds: 5, media })
        .done('reserveQuota')
        .done('checkMedia')
        .done('closeJob'),
      toAccepted().timer().done('checkPost', { kind: 'private' }).done('closeJob'),
      toGenerating()
        .done('submitClip', { clip })
        .done('checkClip', { kind: 'running', progress: 0, pollAfterMs: 1 })
        .send({ type: 'pause' }),
      toGenerating().done('submitClip', { clip }).fail({ kind: 'retry', failure }),
      toStored().timer().done('preparePost').fail({ kind: 'deferred', failure, afterSeconds: 7 }),
      toUploading().fail({ kind: 'unknown', failure }),
      toUploading().fail({ kind: 'retry', failure }),
      toUploading().fail({ kind: 'needsAccount', failure }),
      toAccepted().timer().fail({ kind: 'retry', failure }),
      toAccepted()
        .timer()
        .done('checkPost', { kind: 'processing' })
        .timer()
        .done('checkPost', { kind: 'inModeration' }),
      toAccepted('inbox').timer().done('checkPost', { kind: 'delivered' }).done('closeJob'),
      toAccepted().send(hidden(1)).done('closeJob'),
      toUploading().fail({ kind: 'needsPerson', failure }).send({ type: 'cancel' }).done('closeJob'),
      new JobWalk()
        .fail({ kind: 'retry', failure })
        .timer()
        .fail({ kind: 'failed', failure })
        .done('closeJob'),
      new JobWalk().done('openJob', { scenes: 1, seconds: 3 }).fail({ kind: 'needsPerson', failure }),
      toStored().send({ type: 'hold', failure }).timer(),
    ]
    const visited = new Set(walks.flatMap((walk) => walk.visited))
    // Transient states.
    expect([...leafPaths(jobMachine)].filter((path) => !visited.has(path))).toEqual([
      'generating.kept',
      'publishing.opened',
      'resuming',
    ])
  })
})

describe('a sent post', () => {
  it('is published alike by a poll and by a webhook', () => {
    const polled = toAccepted()
      .timer()
      .done('checkPost', { kind: 'public', postIds: [id] })
      .done('closeJob')
    const received = toAccepted().send(shown(5)).done('closeJob')
    for (const walk of [polled, received])
      expect(walk.checkpoint).toMatchObject({
        state: 'published',
        context: { visibility: 'public', publicPostIds: [id] },
      })
  })

  it('is still in moderation when a public post completes, and published when a private one does', () => {
    const completed = { type: 'postCompleted', createdAt: 1 }
    expect(toAccepted().send(completed).state).toBe('watching.inModeration')
    expect(toAccepted('some').send(completed).done('closeJob').checkpoint).toMatchObject({
      state: 'published',
      context: { visibility: 'private', publicPostIds: [] },
    })
  })

  it('refuses webhooks that are repeated or out of order', () => {
    const walk = toAccepted().send(shown(5)).done('closeJob')
    expect(() => walk.send(shown(5))).toThrow('refused')
    expect(() => walk.send({ type: 'postCompleted', createdAt: 4 })).toThrow('refused')
    expect(walk.send(hidden(9)).state).toBe('takenDown')
    expect(() => walk.send(hidden(9)).send(shown(5))).toThrow('refused')
    expect(walk.send(shown(12)).state).toBe('published')
  })

  it('counts no init attempt that was deferred', () => {
    const walk = toStored().timer().done('preparePost')
    for (let index = 0; index < 10; index += 1)
      walk.fail({ kind: 'deferred', failure, afterSeconds: 60 }).timer()
    expect(walk.done('initPost', { post, audience: 'some' }).checkpoint.context).toMatchObject({
      initAttempts: 1,
      audience: 'some',
    })
  })

  it('reads the creator’s settings again after a deferral of more than ten minutes', () => {
    const toDeferred = (afterSeconds: number) =>
      toStored().timer().done('preparePost').fail({ kind: 'deferred', failure, afterSeconds }).timer()
    expect(toDeferred(600).state).toBe('publishing.initialising')
    expect(toDeferred(601).timer().state).toBe('publishing.preparing')
  })

  it('is taken down even if that webhook arrives before the one that it was public', () => {
    const walk = toAccepted().send(hidden(9))
    expect(() => walk.send(shown(5))).toThrow('refused')
    expect(walk.done('closeJob').state).toBe('takenDown')
  })

  it('keeps every public post that a creator makes from one draft', () => {
    const walk = toAccepted('inbox').timer().done('checkPost', { kind: 'delivered' }).done('closeJob')
    expect(walk.state).toBe('delivered')
    walk.send({ type: 'postCompleted', createdAt: 3 }).send(shown(4, '1')).send(shown(5, '2'))
    expect(walk.checkpoint).toMatchObject({ state: 'published', context: { publicPostIds: ['1', '2'] } })
  })

  it('is opened again only if TikTok rejected it and allows a retry', () => {
    const failed = (canRetry: boolean) => ({ type: 'postFailed', createdAt: 1, canRetry, failure })
    expect(toAccepted().send(failed(true)).timer().timer().state).toBe('publishing.preparing')
    expect(toAccepted().send(failed(false)).done('closeJob').state).toBe('failed')
    expect(
      toAccepted().timer().done('checkPost', { kind: 'rejected', canRetry: true, failure }).timer().timer()
        .state,
    ).toBe('publishing.preparing')
    expect(
      toAccepted().timer().done('checkPost', { kind: 'rejected', canRetry: false, failure }).done('closeJob')
        .state,
    ).toBe('failed')
  })

  it('is not published by a webhook before it was sent', () => {
    for (const walk of [toUploading(), toUploading().fail({ kind: 'needsPerson', failure })])
      expect(() => walk.send(shown(1))).toThrow('refused')
  })

  it('stays in moderation for five hours without a failure', () => {
    const walk = toAccepted()
    const since = walk.at
    while (walk.at - since < 5 * 3_600_000) walk.timer().done('checkPost', { kind: 'inModeration' })
    expect(new Set(walk.visited.slice(walk.visited.indexOf('watching.accepted')))).toEqual(
      new Set(['watching.accepted', 'watching.checking', 'watching.inModeration']),
    )
    expect(walk.checkpoint.context.failure).toBeNull()
  })

  it('has the same checkpoint after each poll of its later moderation, so that none is committed', () => {
    const walk = toAccepted()
    for (let poll = 1; poll <= maxCountedPolls; poll += 1)
      walk.timer().done('checkPost', { kind: 'inModeration' })
    const { checkpoint } = walk
    expect(isUnchanged(checkpoint, walk.timer().done('checkPost', { kind: 'inModeration' }).checkpoint)).toBe(
      true,
    )
  })
})

describe('a job whose account is not connected', () => {
  it('waits, and resumes when the account is connected', () => {
    const walk = toStored().timer().fail({ kind: 'needsAccount', failure })
    expect(walk.checkpoint).toMatchObject({ state: 'waitingForAccount', tag: 'waiting' })
    expect(walk.send({ type: 'accountConnected' }).state).toBe('awaitingSlot')
  })

  it('waits for a person before it posts more than an hour late', () => {
    const walk = toStored().timer().fail({ kind: 'needsAccount', failure })
    walk.at += 2 * 3_600_000
    expect(walk.send({ type: 'accountConnected' }).checkpoint).toMatchObject({
      state: 'needsPerson',
      context: { failure: { code: 'SLOT_PASSED' } },
    })
    expect(walk.send({ type: 'retry' }).timer().state).toBe('publishing.preparing')
  })

  it('still accepts webhooks about a post that was sent before', () => {
    const walk = toAccepted().timer().fail({ kind: 'needsAccount', failure })
    expect(walk.state).toBe('waitingForAccount')
    expect(walk.send(shown(1)).done('closeJob').state).toBe('published')
  })
})

it('a deferred step waits exactly as long as the limit says and consumes no attempt', () => {
  const walk = toStored().timer()
  for (let index = 0; index < 50; index += 1) {
    walk.fail({ kind: 'deferred', failure, afterSeconds: 7 })
    const wait = (Object.values(walk.checkpoint.timers)[0]?.dueAt ?? 0) - walk.at
    expect(wait).toBe(7_000)
    walk.timer().timer()
  }
  expect(walk.checkpoint).toMatchObject({ state: 'publishing.preparing', context: { attempts: 0 } })
})

it('a job stops after 20 lookups of a failing upload host', () => {
  const walk = toUploading()
  for (let index = 0; index < 20; index += 1)
    walk.fail({ kind: 'unknown', failure }).done('reconcilePost', { kind: 'partly', nextChunk: 0 }).timer()
  walk.fail({ kind: 'unknown', failure }).done('reconcilePost', { kind: 'partly', nextChunk: 0 })
  expect(walk.state).toBe('needsPerson')
})

describe('a slot moved by new time zone data', () => {
  it('moves its job in every state before a post was begun, and in no other', () => {
    const accepts = new Map<string, boolean>()
    const sendSlotMoved = (walk: JobWalk) => {
      const { checkpoint, at } = walk
      const event = { type: 'slotMoved', publishAt: 3 * day }
      const decision = decide(jobMachine, checkpoint, event, { at, key: 'x', epoch: null })
      accepts.set(walk.state, decision.kind === 'moved')
      if (decision.kind === 'refused') return
      expect(decision.checkpoint).toMatchObject({ state: walk.state, context: { publishAt: 3 * day } })
      expect(decision.checkpoint.step).toEqual(checkpoint.step)
    }
    for (const walk of [new JobWalk(), toGenerating(), toStored(), new JobWalk().send({ type: 'pause' })])
      sendSlotMoved(walk)
    for (const walk of [
      toStored().timer(),
      toStored().timer().done('preparePost'),
      toUploading(),
      toAccepted(),
    ])
      sendSlotMoved(walk)
    expect(Object.fromEntries(accepts)).toEqual({
      queued: true,
      'generating.submitting': true,
      awaitingSlot: true,
      paused: true,
      'publishing.preparing': false,
      'publishing.initialising': false,
      'publishing.uploading': false,
      'watching.accepted': false,
    })
  })

  it('is waited for at its new time', () => {
    const walk = toStored().send({ type: 'slotMoved', publishAt: 3 * day })
    expect([walk.state, waitOf(walk)]).toEqual(['awaitingSlot', 2 * day])
  })
})
