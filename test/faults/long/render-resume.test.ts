import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished, vi } from 'vitest'
import { assembleVideo } from '../../../src/providers/video/local/assemble.ts'
import { fingerprint } from '../../../src/providers/video/local/clip-directory.ts'
import {
  clipFolder,
  countingFfmpeg,
  isAlive,
  localProvider,
  partsIn,
  processesWith,
  renderAll,
  segmentsOf,
  signal,
  smallStoryboard,
  temporaryFolder,
} from '../../providers/video/local/render-harness.ts'

const statOf = (file: string) => statSync(file, { throwIfNoEntry: false })
const renderWorker = fileURLToPath(new URL('../../providers/video/local/render-worker.ts', import.meta.url))

const storyboard = smallStoryboard([
  { seconds: 1, text: 'One heart stops' },
  { seconds: 4, text: 'Whenever an octopus swims 🐙' },
  { seconds: 1, text: 'So it walks' },
])

it('rendering resumes after a SIGKILL with the interrupted scene, to the same bytes as an undisturbed run', async () => {
  const directory = await temporaryFolder()
  const worker = spawn(process.execPath, [renderWorker, directory, JSON.stringify(storyboard)], {
    stdio: 'ignore',
  })
  onTestFinished(() => void worker.kill('SIGKILL'))

  // The renderer is killed while ffmpeg writes the second scene, however fast both are.
  const folder = clipFolder(directory, storyboard, 1)
  const isWriting = () =>
    existsSync(folder) && partsIn(folder).some((part) => (statOf(path.join(folder, part))?.size ?? 0) > 0)
  await vi.waitUntil(isWriting, { timeout: 150_000, interval: 5 })
  const rendererPid: number = JSON.parse(readFileSync(path.join(folder, 'lock'), 'utf8')).pid
  worker.kill('SIGKILL')
  await once(worker, 'exit')

  await vi.waitUntil(() => !isAlive(rendererPid) && processesWith(directory).length === 0, {
    timeout: 30_000,
  })
  expect(partsIn(directory)).toEqual([])

  const [first = '', second = ''] = segmentsOf(directory, storyboard)
  expect(existsSync(second)).toBe(false)
  const firstBefore = statSync(first)
  const { ffmpegPath, starts } = await countingFfmpeg(await temporaryFolder())
  await renderAll(localProvider({ directory, ffmpegPath }), storyboard)
  expect(await starts()).toBe(2)
  expect(statSync(first)).toMatchObject({ ino: firstBefore.ino, mtimeMs: firstBefore.mtimeMs })

  const undisturbed = await temporaryFolder()
  await renderAll(localProvider({ directory: undisturbed }), storyboard)
  const assembled = async (folder: string) => {
    const segments = segmentsOf(folder, storyboard)
    return await assembleVideo({ storyboard, segments, directory: folder, key: 'video', signal })
  }
  const [resumed, reference] = [await assembled(directory), await assembled(undisturbed)]
  expect(await fingerprint(resumed.path)).toEqual(await fingerprint(reference.path))
}, 180_000)

it('a killed renderer leaves no process, and its scene is rendered again', async () => {
  const directory = await temporaryFolder()
  const provider = localProvider({ directory })
  const rendering = renderAll(provider, storyboard)
  const lock = path.join(clipFolder(directory, storyboard, 1), 'lock')
  const pid = await vi.waitUntil(
    () => existsSync(lock) && (JSON.parse(readFileSync(lock, 'utf8') || '{}').pid as number | undefined),
    { timeout: 150_000, interval: 20 },
  )
  process.kill(pid, 'SIGKILL')
  await rendering
  expect(processesWith(directory)).toEqual([])
  expect(partsIn(directory)).toEqual([])
}, 180_000)
