import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { failureThreshold } from '../../machines/breaker.ts'
import { accountMachine, breakerMachine, jobMachine, mediaMachine } from '../../src/definitions/machines.ts'
import type { Checkpoint, Json, MachineEvent } from '../../src/durable/checkpoint.ts'
import { decide, doneEvent } from '../../src/durable/decide.ts'
import {
  catalogueOf,
  contextOf,
  type DurableMachine,
  leafPaths,
  loadCheckpoint,
} from '../../src/durable/machine.ts'

const at = 1_767_225_700_000
const kept = { sha256: 'a'.repeat(64), bytes: 1 }
const media = { sha256: 'b'.repeat(64), bytes: 12_000_000, seconds: 5, width: 1080, height: 1920 }
const post = { publishId: 'p', uploadUrlSealed: 's', chunkSize: 12_000_000, chunkCount: 1 }
const expiry = { version: 2, accessExpiresAt: at + 7_200_000, refreshExpiresAt: at + 15_552_000_000 }
/** Each step's output when it succeeds. */
const outputs: Readonly<Record<string, Json>> = {
  submitClip: { clip: { v: 1 } },
  checkClip: { kind: 'ready' },
  keepClip: { kept },
  storeVideo: { media },
  initPost: { post, audience: 'everyone' },
  reconcilePost: { kind: 'sent' },
  checkPost: { kind: 'public', postIds: ['7312345678901234567'] },
  refreshTokens: expiry,
  checkUpload: { kind: 'accepted', remedies: [] },
}

/** Checkpoints as each version wrote them. A build that cannot finish them must not be released. */
const golden = async (file: string): Promise<readonly (readonly [string, Checkpoint])[]> =>
  Object.entries(JSON.parse(await readFile(new URL(`./golden/${file}`, import.meta.url), 'utf8')))

/** Upgrades a stored checkpoint and drives it, by `nudge` or its own steps and timers, until it is in one of the states. */
function finish(
  machine: DurableMachine,
  stored: Checkpoint,
  ends: readonly string[],
  nudge: (checkpoint: Checkpoint) => MachineEvent | undefined = () => undefined,
) {
  let { checkpoint } = loadCheckpoint(catalogueOf([machine]), stored)
  for (let index = 0; !ends.includes(checkpoint.state); index += 1) {
    const [timer] = Object.values(checkpoint.timers)
    const { step } = checkpoint
    const event = step ? doneEvent(step.id, outputs[step.name] ?? null) : (nudge(checkpoint) ?? timer?.event)
    if (!event || index > 50) throw new Error(`stuck in ${checkpoint.state}`)
    const facts = { at: timer?.dueAt ?? at, key: `x/${index}`, epoch: 1 }
    const decision = decide(machine, checkpoint, event, facts)
    if (decision.kind === 'refused') throw new Error(`${decision.event} refused in ${decision.state}`)
    checkpoint = decision.checkpoint
  }
  return checkpoint
}

describe.each(['job-v1.json', 'job-v2.json', 'job-v3.json'])('a job of %s', async (file) => {
  it.each(await golden(file))('in the state "%s" is loaded and finished', (_name, stored) => {
    expect(finish(jobMachine, stored, ['published', 'cancelled', 'failed'])).toMatchObject({
      state: 'published',
      tag: 'settled',
      version: jobMachine.version,
      context: { visibility: 'public', publicPostIds: ['7312345678901234567'] },
    })
  })
})

describe('a preview of job-v4.json', async () => {
  it.each(await golden('job-v4.json'))('in the state "%s" is loaded and rendered', (_name, stored) => {
    expect(finish(jobMachine, stored, ['rendered', 'cancelled', 'failed'])).toMatchObject({
      state: 'rendered',
      tag: 'settled',
      version: jobMachine.version,
      context: { purpose: 'preview', post: null },
    })
  })
})

describe('a job of version 2', async () => {
  const upgraded = (stored: Checkpoint) => loadCheckpoint(catalogueOf([jobMachine]), stored).checkpoint
  const stored = new Map(await golden('job-v2.json'))

  it('reserves what a generated video needs, and has no media', () => {
    const reserving = stored.get('reserving quota')
    expect(reserving && upgraded(reserving)).toMatchObject({
      step: { input: { seconds: 5, isGenerated: true } },
      context: { provided: null, media: null },
    })
  })

  it('posts, as every job did then', () => {
    for (const checkpoint of stored.values()) expect(upgraded(checkpoint).context.purpose).toBe('post')
    const reserving = stored.get('reserving quota')
    expect(reserving && upgraded(reserving).step?.input).toMatchObject({ purpose: 'post' })
    const uploading = stored.get('uploading')
    expect(uploading && upgraded(uploading).step?.input).toMatchObject({ purpose: 'post' })
  })

  it('uploads its video as an MP4', () => {
    const uploading = stored.get('uploading')
    const contentType = 'video/mp4'
    expect(uploading && upgraded(uploading)).toMatchObject({
      step: { input: { media: { contentType } } },
      context: { provided: null, media: { contentType } },
    })
  })
})

describe('an account of account-v1.json', async () => {
  it.each(await golden('account-v1.json'))(
    'in the state "%s" is loaded and can be connected',
    (_name, stored) => {
      const ends = ['connected', 'disconnected']
      const settled = finish(accountMachine, stored, ends, () => ({ type: 'authorized', ...expiry }))
      expect(ends).toContain(settled.state)
      const repeated = decide(
        accountMachine,
        settled,
        { type: 'authorized', ...expiry },
        { at, key: 'x', epoch: 1 },
      )
      expect(repeated.kind === 'moved' && repeated.checkpoint.state).toBe('connected')
    },
  )
})

/** The event that a breaker without a timer waits for. */
function nudgeOf({ state, context }: Checkpoint): MachineEvent | undefined {
  const { probe, epoch } = contextOf(breakerMachine, { context })
  switch (state) {
    case 'halfOpen.ready':
      return { type: 'call', permit: 'a call', timeoutMs: 30_000 }
    case 'halfOpen.probing':
      return { type: 'succeeded', permit: probe?.permit, epoch }
    case 'forcedOpen':
    case 'forcedClosed':
      return { type: 'release' }
    default:
      return undefined
  }
}

describe('a breaker of breaker-v1.json', async () => {
  const all = await golden('breaker-v1.json')

  it('has a checkpoint in every state', () => {
    expect(all.map(([, { state }]) => state).sort()).toEqual([...leafPaths(breakerMachine)].sort())
  })

  it.each(all)('in the state "%s" is loaded, closes, and opens again', (_name, stored) => {
    let checkpoint = finish(breakerMachine, stored, ['closed'], nudgeOf)
    expect(checkpoint).toMatchObject({ tag: 'resting', timers: {}, version: breakerMachine.version })
    const { failures, epoch } = contextOf(breakerMachine, checkpoint)
    for (let left = failureThreshold - failures; left > 0; left -= 1) {
      expect(checkpoint.state).toBe('closed')
      const failed = { type: 'failed', permit: 'a call', epoch }
      const decision = decide(breakerMachine, checkpoint, failed, { at, key: 'x', epoch: null })
      if (decision.kind === 'moved') checkpoint = decision.checkpoint
    }
    expect(checkpoint).toMatchObject({ state: 'open', tag: 'waiting' })
  })
})

describe('a media of media-v1.json', async () => {
  const all = await golden('media-v1.json')
  const ends = ['ready', 'expired', 'duplicate', 'purged']
  /** What a person does about a media that rests, and what happens to one that waits for bytes. */
  const nudges: Readonly<Record<string, MachineEvent>> = {
    uploading: { type: 'received' },
    refused: { type: 'convert' },
    deleted: { type: 'restore' },
  }

  it('has a checkpoint in every state', () => {
    expect(all.map(([, { state }]) => state).sort()).toEqual(
      [...leafPaths(mediaMachine)].filter((state) => state !== 'added').sort(),
    )
  })

  it.each(all)('in the state "%s" is loaded, and becomes ready unless it is over', (name, stored) => {
    const settled = finish(mediaMachine, stored, ends, ({ state }) => nudges[state])
    expect(settled.version).toBe(mediaMachine.version)
    const isOver = /^(purg|expired|duplicate)/.test(name)
    expect(settled.state === 'ready').toBe(!isOver)
  })
})
