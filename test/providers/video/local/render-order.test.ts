import { existsSync, statSync } from 'node:fs'
import { expect, it, vi } from 'vitest'
import type { LocalProvider } from '../../../../src/providers/video/local/local-provider.ts'
import type { ClipPlan } from '../../../../src/providers/video/provider.ts'
import type { Storyboard } from '../../../../src/storyboard/storyboard.ts'
import { localProvider, segmentsOf, signal, smallStoryboard, temporaryFolder } from './render-harness.ts'

function planOf(provider: LocalProvider, storyboard: Storyboard, sceneIndex: number): ClipPlan {
  const plan = provider.plan({ key: `${sceneIndex}`, storyboard, sceneIndex })
  if (plan.kind === 'refused') throw new Error(plan.message)
  return plan
}

/** Submits a video's first scene with the second one as upcoming. */
async function submitVideo(
  provider: LocalProvider,
  storyboard: Storyboard,
  dueAt?: Date,
  organizationId?: string,
) {
  const [first, second] = [planOf(provider, storyboard, 0), planOf(provider, storyboard, 1)]
  const whose = organizationId === undefined ? {} : { organizationId }
  return await provider.submit(first, { signal, ...(dueAt && { dueAt }), ...whose, upcoming: [second] })
}

const video = (name: string) =>
  smallStoryboard([
    { seconds: 1.5, text: `${name} begins` },
    { seconds: 1.5, text: `${name} ends` },
  ])
const [early, late, whenever] = [video('Early'), video('Late'), video('Whenever')]
const at = (minutes: number) => new Date(Date.UTC(2027, 0, 1, 0, minutes))

it('the renderer finishes the video that is due first before it starts the next one', async () => {
  const directory = await temporaryFolder()
  const provider = localProvider({ directory })
  const orders = [
    [late, at(2)],
    [whenever, undefined],
    [early, at(1)],
  ] as const
  for (const [storyboard, dueAt] of orders) await submitVideo(provider, storyboard, dueAt)
  await expectOrder([early, late, whenever].flatMap((storyboard) => segmentsOf(directory, storyboard)))
}, 240_000)

/** Waits until all segments are rendered and expects that they were finished in this order. */
async function expectOrder(segments: readonly string[]): Promise<void> {
  await vi.waitUntil(() => segments.every((segment) => existsSync(segment)), {
    timeout: 200_000,
    interval: 100,
  })
  const finished = segments.map((segment) => statSync(segment).mtimeMs)
  expect(finished).toEqual(finished.toSorted((a, b) => a - b))
}

it('an organization with one video waits for one video of another organization, not for all, also after a restart', async () => {
  const directory = await temporaryFolder()
  const before = localProvider({ directory })
  const refs = [
    await submitVideo(before, whenever, at(3), 'busy'),
    await submitVideo(before, early, at(1), 'busy'),
    await submitVideo(before, late, at(4), 'small'),
  ]
  await before.close()

  const provider = localProvider({ directory })
  for (const ref of refs) await provider.poll(JSON.parse(JSON.stringify(ref)), { signal })
  await expectOrder([early, late, whenever].map((storyboard) => segmentsOf(directory, storyboard)[0] ?? ''))
}, 240_000)

it('a cancel also removes the upcoming clips of the cancelled scene from the queue', async () => {
  const provider = localProvider({ directory: await temporaryFolder() })
  const longScene = smallStoryboard([{ seconds: 60, text: 'A scene of one minute' }])
  await provider.submit(planOf(provider, longScene, 0), { signal, dueAt: at(0) })
  const canceled = await submitVideo(provider, early, at(1))
  const waiting = await submitVideo(provider, late, at(2))
  await vi.waitUntil(async () => (await provider.poll(canceled, { signal })).kind === 'queued')
  await provider.cancel(canceled)
  await vi.waitUntil(
    async () => {
      const state = await provider.poll(waiting, { signal })
      return state.kind === 'queued' && state.position === 1
    },
    { timeout: 60_000 },
  )
}, 120_000)
