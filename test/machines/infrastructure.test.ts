import { describe, expect, it } from 'vitest'
import { jobMachine } from '../../src/definitions/machines.ts'
import { decide } from '../../src/durable/decide.ts'
import { day, Walk } from './walk.ts'

const failure = { verdict: 'NEEDS_OPERATOR', code: 'INFRASTRUCTURE_FAILED', message: 'x' } as const
const deadLettered = { type: 'infrastructureFailed', failure }
const clip = { v: 1 }
const kept = { sha256: 'a', bytes: 1 }
const media = { sha256: 'b', bytes: 10, seconds: 5, width: 1080, height: 1920 }
const post = { publishId: 'p', uploadUrlSealed: 's', chunkSize: 5, chunkCount: 2 }

const begun = () => new Walk(jobMachine, { slotId: 'slot', accountId: 'account', publishAt: 2 * day })
const opened = () => begun().done('openJob', { scenes: 1, seconds: 5 }).done('reserveQuota')
const stored = () =>
  opened()
    .done('submitClip', { clip })
    .done('checkClip', { kind: 'ready' })
    .done('keepClip', { kept })
    .done('storeVideo', { media })
    .done('checkMedia')
const initialising = () => stored().timer().done('preparePost')
const uploading = () => initialising().done('initPost', { post, audience: 'everyone' })
const accepted = () => uploading().done('uploadChunk').done('uploadChunk')

describe('a job whose workers failed', () => {
  it.each([
    ['queued', begun(), 'queued'],
    ['generating.submitting', opened(), 'generating.submitting'],
    ['awaitingSlot', stored(), 'awaitingSlot'],
    ['publishing.preparing', stored().timer(), 'awaitingSlot'],
    // A call may have been made: its outcome is looked up.
    ['publishing.initialising', initialising(), 'publishing.reconciling'],
    ['publishing.uploading', uploading(), 'publishing.reconciling'],
    ['publishing.reconciling', uploading().fail({ kind: 'unknown', failure }), 'publishing.reconciling'],
    ['watching.accepted', accepted(), 'watching.accepted'],
    ['watching.checking', accepted().timer(), 'watching.accepted'],
    ['closing', opened().send({ type: 'cancel' }).fail({ kind: 'retry', failure }).timer(), 'closing'],
  ])('in %s waits for a person, and a retry resumes in the right state', (state, walk, then) => {
    expect(walk.state).toBe(state)
    expect(walk.send(deadLettered).checkpoint).toMatchObject({
      state: 'needsPerson',
      tag: 'resting',
      step: null,
      timers: {},
      context: { failure },
    })
    expect(walk.send({ type: 'retry' }).state).toBe(then)
  })

  it('counts the post that a lost worker may have opened', () => {
    expect(initialising().send(deadLettered).checkpoint.context).toMatchObject({
      initAttempts: 1,
      outcomeUnknown: true,
    })
  })

  it('accepts infrastructureFailed only in states with work', () => {
    const paused = begun().send({ type: 'pause' })
    const needsPerson = begun().send(deadLettered)
    const published = accepted().timer().done('checkPost', { kind: 'private' }).done('closeJob')
    const waiting = begun().fail({ kind: 'needsAccount', failure })
    for (const { checkpoint } of [paused, needsPerson, published, waiting]) {
      expect(checkpoint.step).toBeNull()
      expect(decide(jobMachine, checkpoint, deadLettered, { at: 0, key: 'x', epoch: null }).kind).toBe(
        'refused',
      )
    }
  })
})
