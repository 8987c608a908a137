import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import type { Boundary } from '../../../src/durable/drive.ts'
import { createTestDatabase } from '../../support/database.ts'
import { expectEverySlotPostedOnce, waitUntilAllEnded } from '../../support/expect-posts.ts'
import { createWorkerFixture, startWorkerProcess, type WorkerFixture } from '../../support/worker-fixture.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()

/** Every state in which a published job performs a step. `afterCommit` is after the commit that entered the state. */
const working = [
  'reservingQuota',
  'generating.submitting',
  'generating.checking',
  'generating.keeping',
  'storing',
  'checkingMedia',
  'publishing.preparing',
  'publishing.initialising',
  'publishing.uploading',
  'closing',
]
/** Every state in which it waits for a timer. */
const waiting = ['generating.rendering', 'awaitingSlot', 'watching.accepted']

const around = (state: string, boundaries: readonly Boundary[]) =>
  boundaries.map((boundary) => [boundary, state] as const)
const everyBoundary: readonly (readonly [Boundary, string])[] = [
  // A command commits the first state; a worker begins with its step.
  ...around('queued', ['beforeStep', 'afterStep', 'beforeCommit']),
  ...working.flatMap((state) => around(state, ['afterCommit', 'beforeStep', 'afterStep', 'beforeCommit'])),
  ...waiting.flatMap((state) => around(state, ['afterCommit', 'beforeCommit'])),
  // A poll is committed in the state that waits for it, if it changes anything.
  ...around('watching.checking', ['beforeStep', 'afterStep']),
  // After the last commit only the acknowledgement of the wake-up is left.
  ...around('published', ['afterCommit']),
]

/** The most critical points: around calls that cost money or make a post, and where a timer fires. */
const someBoundaries: readonly (readonly [Boundary, string])[] = [
  ['afterStep', 'queued'],
  ['afterStep', 'reservingQuota'],
  ['afterStep', 'generating.submitting'],
  ['beforeCommit', 'generating.rendering'],
  ['afterCommit', 'generating.rendering'],
  ['beforeCommit', 'storing'],
  ['beforeCommit', 'awaitingSlot'],
  ['afterCommit', 'publishing.initialising'],
  ['afterStep', 'publishing.initialising'],
  ['beforeStep', 'publishing.uploading'],
  ['afterStep', 'publishing.uploading'],
  ['afterStep', 'closing'],
  ['afterCommit', 'published'],
]
const boundaries = inForm(someBoundaries, everyBoundary)

it('a job posts once and loses nothing, at whichever boundary its worker is killed', async () => {
  // A kill can interrupt another job right before that job's own kill point, which is then tried in another round.
  let left = boundaries
  for (let round = 1; left.length > 0; round += 1) {
    expect(round).toBeLessThanOrEqual(3)
    left = await killOnceAtEach(left)
  }
}, 1_800_000)

/** Runs one job for each kill point, whose worker gets SIGKILL at that point. Returns the points that were not reached. */
async function killOnceAtEach(wanted: typeof boundaries): Promise<typeof boundaries> {
  const fixture = await createWorkerFixture(database, wanted.length)
  const nameOf = ([boundary, state]: (typeof boundaries)[number], index: number) =>
    `${boundary} ${state} ${fixture.slotIds[index]}`
  const pending = new Set(wanted.map(nameOf))

  let over = false
  const supervise = async () => {
    while (!over) {
      const worker = startWorkerProcess({ ...fixture.settings, kills: [...pending] })
      running.add(worker.child)
      const { reached } = await worker.exited
      running.delete(worker.child)
      if (reached) pending.delete(reached)
    }
  }
  const running = new Set<ReturnType<typeof startWorkerProcess>['child']>()
  const supervisors = [supervise(), supervise()]
  try {
    await waitUntilAllEnded(database, fixture, 1_700_000)
  } finally {
    over = true
    for (const child of running) child.kill('SIGTERM')
    await Promise.all(supervisors)
  }
  await expectEverySlotPostedOnce(database, fixture)
  await expectAtMostOneMoreRenderForEachKill(fixture)
  await fixture.close()
  return wanted.filter((point, index) => pending.has(nameOf(point, index)))
}

/** Every start of a renderer writes a mark. A kill interrupts at most one renderer, so it causes at most one more start. */
async function expectAtMostOneMoreRenderForEachKill({ settings }: WorkerFixture): Promise<void> {
  const renders = path.join(settings.directory, 'renders')
  const clips = await readdir(renders)
  const starts = await Promise.all(clips.map((clip) => readFile(path.join(renders, clip, 'starts'), 'utf8')))
  const more = starts.reduce((sum, marks) => sum + marks.length - 1, 0)
  expect(starts.every((marks) => marks.length >= 1)).toBe(true)
  expect(more).toBeLessThanOrEqual(boundaries.length)
}
