import { describe, expect, it } from 'vitest'
import { deletionGraceMs, uploadMs } from '../../machines/media.ts'
import { mediaMachine } from '../../src/definitions/machines.ts'
import { Walk } from './walk.ts'

const failure = { verdict: 'FIX_MEDIA', code: 'MEDIA_FRAMERATE', message: 'x' } as const
const accepted = { kind: 'accepted', remedies: [] }
const refused = (...remedies: string[]) => ({ kind: 'refused', failure, remedies })

const uploading = () => new Walk(mediaMachine, { mediaId: 'media' })
const checking = () => uploading().send({ type: 'received' })
const illustrating = () => checking().done('checkUpload', accepted)
const ready = () => illustrating().done('makePreviews')
const toRefused = (...remedies: string[]) => checking().done('checkUpload', refused(...remedies))
const converting = () => toRefused('frameRate').send({ type: 'convert' })
const deleted = () => ready().send({ type: 'delete' })
const purging = () => deleted().timer()

describe('the media machine', () => {
  it('checks an upload, makes its previews, and is ready', () => {
    expect(uploading().checkpoint).toMatchObject({ state: 'uploading', tag: 'waiting' })
    expect(ready().checkpoint).toMatchObject({
      state: 'ready',
      tag: 'settled',
      step: null,
      timers: {},
      context: { failure: null, wasReady: true },
    })
  })

  it('has a video of a job ready from the beginning', () => {
    const walk = new Walk(mediaMachine, { mediaId: 'media', from: 'job' })
    expect(walk.checkpoint).toMatchObject({ state: 'ready', context: { wasReady: true } })
    expect(walk.send({ type: 'delete' }).send({ type: 'restore' }).state).toBe('ready')
  })

  it('gives an upload up that is not complete after a day, and one that a person abandons', () => {
    const walk = uploading()
    const begunAt = walk.at
    expect(walk.timer().checkpoint).toMatchObject({ state: 'expired', tag: 'final' })
    expect(walk.at - begunAt).toBe(uploadMs)
    for (const type of ['abandon', 'delete']) expect(uploading().send({ type }).state).toBe('expired')
  })

  it('ends an upload whose content the organization has already', () => {
    expect(uploading().send({ type: 'duplicated' }).checkpoint).toMatchObject({
      state: 'duplicate',
      tag: 'final',
    })
  })

  it('refuses a file with the verdict of the check, and offers a conversion only where one helps', () => {
    expect(toRefused().checkpoint).toMatchObject({ state: 'refused', tag: 'resting', context: { failure } })
    expect(() => toRefused().send({ type: 'convert' })).toThrow('refused')
    expect(converting().checkpoint).toMatchObject({
      state: 'converting.encoding',
      step: { name: 'convertUpload', input: { remedies: ['frameRate'], attempts: 0 } },
    })
  })

  it('checks the result of a conversion like an upload', () => {
    const walk = converting().done('convertUpload')
    expect(walk.checkpoint).toMatchObject({
      state: 'checking.probing',
      step: { input: { isConverted: true } },
    })
    expect(walk.done('checkUpload', accepted).done('makePreviews').state).toBe('ready')
  })

  it('keeps the offer when a conversion fails', () => {
    const walk = converting().fail({ kind: 'failed', failure })
    expect(walk.checkpoint).toMatchObject({ state: 'refused', context: { failure, remedies: ['frameRate'] } })
    expect(walk.send({ type: 'convert' }).state).toBe('converting.encoding')
    const usable = checking().done('checkUpload', { kind: 'accepted', remedies: ['indexAtEnd'] })
    usable.done('makePreviews').send({ type: 'convert' })
    expect(usable.fail({ kind: 'failed', failure }).checkpoint).toMatchObject({
      state: 'ready',
      context: { failure },
    })
  })

  it('checks the result of a conversion again when its media is deleted before it was checked, and restored', () => {
    const walk = checking().done('checkUpload', { kind: 'accepted', remedies: ['indexAtEnd'] })
    walk.done('makePreviews').send({ type: 'convert' }).done('convertUpload').send({ type: 'delete' })
    expect(walk.send({ type: 'restore' }).state).toBe('checking.probing')
  })

  it.each([
    ['checking.probing', checking, 'refused', 19],
    ['converting.encoding', converting, 'refused', 19],
    ['illustrating.drawing', illustrating, 'ready', 2],
  ] as const)('in %s retries transient failures, and then goes on', (state, begin, then, retries) => {
    const walk = begin()
    for (let index = 0; index < retries; index += 1) {
      expect(walk.fail({ kind: 'retry', failure }).state).toMatch(/backingOff$/)
      expect(walk.timer().state).toBe(state)
    }
    expect(walk.fail({ kind: 'retry', failure }).checkpoint).toMatchObject({
      state: then,
      context: { failure },
    })
  })

  it.each([checking, illustrating, converting, purging])(
    'does not count a deferred step as an attempt',
    (begin) => {
      const walk = begin()
      const { state } = walk
      for (let index = 0; index < 30; index += 1)
        walk.fail({ kind: 'deferred', failure, afterSeconds: 1 }).timer()
      expect(walk.checkpoint).toMatchObject({ state, context: { attempts: 0 } })
    },
  )

  it.each([
    ['checking', checking, 'refused'],
    ['converting', converting, 'refused'],
    ['illustrating', illustrating, 'ready'],
  ] as const)('waits for a person when every worker that was %s it failed', (_doing, begin, then) => {
    const walk = begin().send({ type: 'infrastructureFailed', failure })
    expect(walk.checkpoint).toMatchObject({ state: then, context: { failure } })
    expect(walk.send({ type: 'recheck' }).state).toBe('checking.probing')
  })

  it('removes the files of a deleted media after a week, however often that fails', () => {
    const walk = deleted()
    const deletedAt = walk.at
    expect(walk.checkpoint).toMatchObject({ state: 'deleted', tag: 'waiting' })
    expect(walk.timer().state).toBe('purging.removing')
    expect(walk.at - deletedAt).toBe(deletionGraceMs)
    for (let index = 0; index < 50; index += 1) walk.fail({ kind: 'retry', failure }).timer()
    expect(walk.done('purgeMedia').checkpoint).toMatchObject({ state: 'purged', tag: 'final' })
  })

  it('restores a deleted media to where it was: what was never accepted is checked', () => {
    expect(deleted().send({ type: 'restore' }).state).toBe('ready')
    expect(purging().send({ type: 'restore' }).state).toBe('ready')
    expect(toRefused().send({ type: 'delete' }).send({ type: 'restore' }).state).toBe('checking.probing')
  })

  it('can be deleted in every state in which it has a file', () => {
    for (const begin of [checking, illustrating, ready, toRefused, converting])
      expect(begin().send({ type: 'delete' }).state).toBe('deleted')
    expect(
      converting().fail({ kind: 'retry', failure }).send({ type: 'delete' }).checkpoint.context.attempts,
    ).toBe(0)
  })
})
