import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it, vi } from 'vitest'
import { probeVideo } from '../../../../src/providers/video/local/probe.ts'
import { pruneClips } from '../../../../src/providers/video/local/prune.ts'
import { PollTransient, SubmitNotSent, SubmitRejected } from '../../../../src/providers/video/provider.ts'
import {
  clipFolder,
  countingFfmpeg,
  isAlive,
  localProvider,
  partsIn,
  pollUntil,
  processesWith,
  renderAll,
  segmentsOf,
  signal,
  smallStoryboard,
  submitScene,
  temporaryFolder,
  waitUntilGone,
} from './render-harness.ts'

const storyboard = smallStoryboard([
  { seconds: 1, text: 'Otters hold hands 🦦' },
  { seconds: 2, text: 'So that nobody drifts away' },
])
const longScene = smallStoryboard([{ seconds: 60, text: 'A scene of one minute' }])

describe('a scene', () => {
  it('is rendered to a clip with exactly its frames and streamed byte for byte', async () => {
    const directory = await temporaryFolder()
    const provider = localProvider({ directory })
    const ref = await submitScene(provider, storyboard)
    const { assets } = await pollUntil(provider, ref, 'done')

    const [asset] = assets
    if (asset === undefined) throw new Error('the clip has no asset')
    const bytes = await buffer(await provider.open(ref, asset, { signal }))
    expect(bytes).toHaveLength(asset.bytes ?? 0)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(asset.sha256)

    const [segment = ''] = segmentsOf(directory, storyboard)
    expect(await probeVideo(segment)).toMatchObject({
      container: 'video/mp4',
      width: 360,
      height: 640,
      videoCodec: 'avc',
      audioCodec: undefined,
      frameRate: 30,
      frames: 30,
      seconds: 1,
    })
    expect(partsIn(directory)).toEqual([])
    await waitUntilGone(path.join(clipFolder(directory, storyboard), 'lock'))
  })

  it('is rendered in TikTok’s size', async () => {
    const directory = await temporaryFolder()
    const provider = localProvider({ directory })
    const large = { ...storyboard, size: { width: 1080, height: 1920 } }
    await pollUntil(provider, await submitScene(provider, large), 'done')
    const [segment = ''] = segmentsOf(directory, large)
    expect(await probeVideo(segment)).toMatchObject({ width: 1080, height: 1920, frames: 30 })
  })

  it('is rendered once for repeated requests of several processes', async () => {
    const directory = await temporaryFolder()
    const { ffmpegPath, starts } = await countingFfmpeg(directory)
    const providers = [1, 2, 3].map(() => localProvider({ directory, ffmpegPath }))
    const refs = await Promise.all(providers.map((provider) => submitScene(provider, storyboard)))
    await Promise.all(
      refs.map((ref, index) => pollUntil(providers[index] ?? localProvider({ directory }), ref, 'done')),
    )
    expect(await starts()).toBe(1)

    const [first] = providers
    if (first === undefined) throw new Error('unreachable')
    await pollUntil(first, await submitScene(first, storyboard), 'done')
    expect(await starts()).toBe(1)
  })

  it('reports its queue position and its progress', async () => {
    const provider = localProvider({ directory: await temporaryFolder() })
    const first = await submitScene(provider, longScene)
    const second = await submitScene(provider, storyboard)
    expect(await pollUntil(provider, second, 'queued')).toMatchObject({ position: 1 })
    const { progress = 0 } = await pollUntil(provider, first, 'running', ({ progress = 0 }) => progress > 0)
    expect(progress).toBeLessThan(1)
    await provider.cancel(first)
    await pollUntil(provider, second, 'done')
  })

  it('is rendered by the first poll after its process stopped', async () => {
    const directory = await temporaryFolder()
    const before = localProvider({ directory })
    const ref = await submitScene(before, storyboard)
    await before.close()
    await rm(clipFolder(directory, storyboard), { recursive: true, force: true })
    await pollUntil(localProvider({ directory }), JSON.parse(JSON.stringify(ref)), 'done')
  })

  it('is rendered again, to the same bytes, when its file is truncated or altered', async () => {
    const directory = await temporaryFolder()
    const provider = localProvider({ directory })
    const ref = await submitScene(provider, storyboard)
    const good = await pollUntil(provider, ref, 'done')
    const [segment = ''] = segmentsOf(directory, storyboard)

    await truncate(segment, statSync(segment).size - 1000)
    await expect(
      provider.open(ref, { name: 'segment.mp4', contentType: 'video/mp4' }, { signal }),
    ).rejects.toThrow(PollTransient)
    expect(await pollUntil(provider, ref, 'done')).toEqual(good)

    const bytes = readFileSync(segment)
    bytes[2000] = (bytes[2000] ?? 0) ^ 1
    await writeFile(segment, bytes)
    expect((await provider.poll(ref, { signal })).kind).not.toBe('done')
    expect(await pollUntil(provider, ref, 'done')).toEqual(good)
  })
})

describe('cancel', () => {
  it('ends the renderer and its ffmpeg and leaves no incomplete file', async () => {
    const directory = await temporaryFolder()
    const provider = localProvider({ directory })
    const ref = await submitScene(provider, longScene)
    await pollUntil(provider, ref, 'running', ({ progress = 0 }) => progress > 0)
    expect(processesWith(directory).length).toBeGreaterThan(0)

    await provider.cancel(ref)
    await vi.waitUntil(() => processesWith(directory).length === 0)
    expect(partsIn(directory)).toEqual([])
    expect(existsSync(path.join(clipFolder(directory, longScene), 'lock'))).toBe(false)
  })

  it('stops a renderer of another process', async () => {
    const directory = await temporaryFolder()
    const owner = localProvider({ directory })
    const ref = await submitScene(owner, longScene)
    await pollUntil(owner, ref, 'running', ({ progress = 0 }) => progress > 0)
    const { pid } = JSON.parse(readFileSync(path.join(clipFolder(directory, longScene), 'lock'), 'utf8'))

    await localProvider({ directory }).cancel(ref)
    await vi.waitUntil(() => !isAlive(pid) && processesWith(directory).length === 0, { timeout: 30_000 })
    expect(partsIn(directory)).toEqual([])
  })

  it('removes a scene from the queue before it starts', async () => {
    const directory = await temporaryFolder()
    const { ffmpegPath, starts } = await countingFfmpeg(directory)
    const provider = localProvider({ directory, ffmpegPath })
    const first = await submitScene(provider, storyboard, 0)
    const second = await submitScene(provider, storyboard, 1)
    await provider.cancel(second)
    await pollUntil(provider, first, 'done')
    await provider.close()
    expect(await starts()).toBe(1)
  })
})

describe('a renderer that crashes', () => {
  it('is tried twice, then reported with its error output, and tried again when the scene is submitted again', async () => {
    const directory = await temporaryFolder()
    const { ffmpegPath, starts } = await countingFfmpeg(directory, 'echo "no such encoder" >&2; exit 3')
    const provider = localProvider({ directory, ffmpegPath })
    const ref = await submitScene(provider, storyboard)
    const failed = await pollUntil(provider, ref, 'failed')
    expect(failed).toMatchObject({ class: 'provider', code: 'renderer_crashed' })
    expect(failed.message).toContain('no such encoder')
    expect((await provider.poll(ref, { signal })).kind).toBe('failed')
    expect(await starts()).toBe(2)
    expect(partsIn(directory)).toEqual([])

    const healthy = localProvider({ directory })
    await pollUntil(healthy, await submitScene(healthy, storyboard), 'done')
  })

  it('counts crashes only: a shutdown does not count', async () => {
    const directory = await temporaryFolder()
    for (let round = 0; round < 3; round++) {
      const provider = localProvider({ directory })
      await pollUntil(
        provider,
        await submitScene(provider, longScene),
        'running',
        ({ progress = 0 }) => progress > 0,
      )
      await provider.close()
      expect(processesWith(directory)).toEqual([])
    }
    const provider = localProvider({ directory })
    const { kind } = await provider.poll(await submitScene(provider, longScene), { signal })
    expect(kind).toBe('running')
  })

  it('is reported as failed when it has too little memory', async () => {
    const provider = localProvider({ directory: await temporaryFolder(), memoryLimitMb: 4 })
    const failed = await pollUntil(provider, await submitScene(provider, storyboard), 'failed')
    expect(failed).toMatchObject({ class: 'provider', code: 'renderer_crashed' })
  })
})

describe('old clips', () => {
  it('are removed after their time, and nothing else is', async () => {
    const directory = await temporaryFolder()
    const provider = localProvider({ directory })
    await renderAll(provider, storyboard)
    await mkdir(path.join(directory, 'somebody-elses'))
    const [old, young] = [clipFolder(directory, storyboard, 0), clipFolder(directory, storyboard, 1)]
    const anHourAgo = Date.now() / 1000 - 3600
    await utimes(old, anHourAgo, anHourAgo)
    expect(await pruneClips(directory, 60_000)).toBe(1)
    expect([existsSync(old), existsSync(young)]).toEqual([false, true])
    expect(await pruneClips(path.join(directory, 'nowhere'), 0)).toBe(0)
    await pollUntil(provider, await submitScene(provider, storyboard), 'done')
  })
})

describe('the local provider', () => {
  it('refuses to plan a scene that the storyboard does not have', async () => {
    const provider = localProvider({ directory: await temporaryFolder() })
    expect(provider.plan({ key: 'k', storyboard, sceneIndex: 2 })).toMatchObject({ kind: 'refused' })
  })

  it('refuses a plan and a reference of another provider', async () => {
    const provider = localProvider({ directory: await temporaryFolder() })
    const plan = provider.plan({ key: 'k', storyboard, sceneIndex: 0 })
    if (plan.kind === 'refused') throw new Error(plan.message)
    await expect(provider.submit({ ...plan, input: { prompt: 'otters' } }, { signal })).rejects.toThrow(
      SubmitRejected,
    )
    const strange = { v: 1, provider: 'local', model: 'storyboard', data: { id: 'x' } } as const
    expect(await provider.poll(strange, { signal })).toMatchObject({ kind: 'failed', class: 'input' })
  })

  it('accepts no scene after it is closed', async () => {
    const provider = localProvider({ directory: await temporaryFolder() })
    await provider.close()
    await expect(submitScene(provider, storyboard)).rejects.toThrow(SubmitNotSent)
  })

  it('gives the same scene the same plan and renders all scenes of a storyboard', async () => {
    const provider = localProvider({ directory: await temporaryFolder(), concurrency: 2 })
    const request = { key: 'k', storyboard, sceneIndex: 1 }
    expect(provider.plan(request)).toEqual(provider.plan(JSON.parse(JSON.stringify(request))))
    expect(await renderAll(provider, storyboard)).toHaveLength(2)
  })
})
