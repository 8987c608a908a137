import { createLocalProvider } from '../../../../src/providers/video/local/local-provider.ts'
import type { Storyboard } from '../../../../src/storyboard/storyboard.ts'

/** Renders a storyboard until it is killed: `node render-worker.ts <directory> <storyboard as JSON>`. */
const [directory = '', json = ''] = process.argv.slice(2)
const storyboard: Storyboard = JSON.parse(json)
const provider = createLocalProvider({ directory })
const { signal } = new AbortController()

for (const sceneIndex of storyboard.scenes.keys()) {
  const plan = provider.plan({ key: `video:${sceneIndex}`, storyboard, sceneIndex })
  if (plan.kind === 'refused') throw new Error(plan.message)
  await provider.submit(plan, { signal })
}
setInterval(() => {}, 1000) // keeps running, as a worker does
