import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { bundledFfmpeg } from '../../src/providers/video/local/ffmpeg.ts'
import { createLocalProvider } from '../../src/providers/video/local/local-provider.ts'
import { parseStoryboard } from '../../src/storyboard/parse-storyboard.ts'
import type { Row } from './row.ts'

/** The encoder's own settings, so that only the making of the frames differs. */
const codec = [
  '-c:v',
  'libx264',
  '-preset',
  'veryfast',
  '-crf',
  '21.5',
  '-profile:v',
  'high',
  '-level',
  '4.1',
]
const rest = ['-x264-params', 'me=dia:subme=1:scenecut=0:b-adapt=0', '-threads', '4', '-g', '60', '-bf', '2']

/** What a piece of work used, with its child processes. Memory is only found on Linux. */
interface Usage {
  readonly wallSeconds: number
  readonly processorSeconds: number
  readonly peakMegabytes: number
}

/**
 * One scene at 1080x1920, in a renderer's processes of its own, beside a bare ffmpeg that encodes a test picture of the same
 * size and length. A renderer uses two cores, so the figure without a busy neighbour is that per processor second, twice.
 */
export const render: Row = {
  name: 'Render at 1080x1920',
  unit: 'seconds of video a second',
  better: 'higher',
  goal: 0.4,
  async open(_, form) {
    const seconds = form === 'quick' ? 3 : 10
    const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-bench-render-'))
    let used: Usage | undefined
    let usedByLimit: Usage | undefined
    let seed = 0

    async function renderOnce(): Promise<void> {
      const { signal } = new AbortController()
      seed += 1 // A clip that exists is not rendered again.
      const scenes = [
        { seconds, kicker: 'DID YOU KNOW?', text: 'One heart stops whenever an octopus swims 🐙' },
      ]
      const parsed = parseStoryboard({ seed, handle: '@tidepool.daily', scenes })
      if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.issues))
      const provider = createLocalProvider({ directory })
      const plan = provider.plan({ key: `${seed}`, storyboard: parsed.storyboard, sceneIndex: 0 })
      if (plan.kind === 'refused') throw new Error(plan.message)
      const ref = await provider.submit(plan, { signal })
      for (;;) {
        const state = await provider.poll(ref, { signal })
        if (state.kind === 'done') return await provider.close() // Waits for the end of the renderer.
        if (state.kind === 'failed') throw new Error(state.message)
        await later(20)
      }
    }

    async function encodeOnce(): Promise<void> {
      const source = ['-f', 'lavfi', '-i', 'testsrc2=size=1080x1920:rate=30', '-frames:v', `${seconds * 30}`]
      const output = ['-pix_fmt', 'yuv420p', path.join(directory, 'limit.mp4')]
      const args = ['-v', 'error', '-y', ...source, ...codec, ...rest, ...output]
      const [code] = await once(spawn(bundledFfmpeg(), args, { stdio: 'ignore' }), 'close')
      if (code !== 0) throw new Error(`ffmpeg ended with ${code}`)
    }

    return {
      product: async () => {
        used = await usageOf(renderOnce)
        return seconds / used.wallSeconds
      },
      limit: async () => {
        usedByLimit = await usageOf(encodeOnce)
        return seconds / usedByLimit.wallSeconds
      },
      // Of the last measurement of each.
      others: {
        'product, a processor second': async () => seconds / (used?.processorSeconds ?? Number.NaN),
        'limit, a processor second': async () => seconds / (usedByLimit?.processorSeconds ?? Number.NaN),
        'product, peak MB (at most 500)': async () => used?.peakMegabytes ?? Number.NaN,
        'limit, peak MB': async () => usedByLimit?.peakMegabytes ?? Number.NaN,
      },
      async close() {
        await rm(directory, { recursive: true, force: true })
      },
    }
  },
}

async function usageOf(work: () => Promise<void>): Promise<Usage> {
  let peak = 0
  const sampling = setInterval(() => {
    peak = Math.max(peak, descendantMegabytes())
  }, 20)
  const [wall, processor] = [performance.now(), endedChildrenSeconds()]
  try {
    await work()
  } finally {
    clearInterval(sampling)
  }
  return {
    wallSeconds: (performance.now() - wall) / 1000,
    processorSeconds: endedChildrenSeconds() - processor,
    peakMegabytes: peak,
  }
}

/** Fields of `/proc/PID/stat` after the name, or undefined when the process has ended. */
function statOf(pid: string): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** Processor time of this process's ended children and of theirs. A clock tick is 10 ms. */
function endedChildrenSeconds(): number {
  const [user, system] = statOf('self')?.slice(13, 15) ?? []
  return (Number(user) + Number(system)) / 100
}

/** Resident memory of all processes below this one. */
function descendantMegabytes(): number {
  const parents = new Map<string, string>()
  for (const pid of readdirSync('/proc')) {
    const parent = /^\d+$/.test(pid) ? statOf(pid)?.[1] : undefined
    if (parent !== undefined) parents.set(pid, parent)
  }
  const isBelow = (pid: string | undefined): boolean =>
    pid !== undefined && (parents.get(pid) === `${process.pid}` || isBelow(parents.get(pid)))
  return [...parents.keys()].filter(isBelow).reduce((sum, pid) => sum + residentMegabytes(pid), 0)
}

function residentMegabytes(pid: string): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0 // It has ended.
  }
}
