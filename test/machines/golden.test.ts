import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { jobMachine } from '../../src/commands/job-machine.ts'
import type { Checkpoint, Json } from '../../src/durable/checkpoint.ts'
import { decide, doneEvent } from '../../src/durable/decide.ts'
import { catalogueOf, load } from '../../src/durable/machine.ts'

/** Checkpoints as each released version wrote them; a build that cannot finish them must not ship. */
const golden: Record<string, Checkpoint> = JSON.parse(
  await readFile(new URL('./golden/job-v1.json', import.meta.url), 'utf8'),
)

const kept = { sha256: 'a'.repeat(64), bytes: 1 }
const media = { sha256: 'b'.repeat(64), bytes: 12_000_000, seconds: 5, width: 1080, height: 1920 }
const post = { publishId: 'p', uploadUrlSealed: 's', chunkSize: 12_000_000, chunkCount: 1 }
/** What each step answers when all goes well. */
const outputs: Readonly<Record<string, Json>> = {
  checkClip: { kind: 'ready' },
  keepClip: { kept },
  storeVideo: { media },
  preparePost: null,
  initPost: { post },
  uploadChunk: null,
  checkPost: { kind: 'public', postIds: ['7312345678901234567'] },
  checkMedia: null,
  closeJob: null,
}

describe.each(Object.entries(golden))('a checkpoint of version 1, %s', (_name, stored) => {
  it('is brought up to this version and finished', () => {
    let { checkpoint } = load(catalogueOf([jobMachine]), stored)
    const ends = ['published', 'cancelled', 'failed']
    for (let turn = 0; !ends.includes(checkpoint.state); turn += 1) {
      const [timer] = Object.values(checkpoint.timers)
      const { step } = checkpoint
      const event = step ? doneEvent(step.id, outputs[step.name] ?? null) : timer?.event
      if (!event || turn > 50) throw new Error(`stuck in ${checkpoint.state}`)
      const facts = { at: timer?.dueAt ?? 1_767_225_700_000, key: `job/${turn}`, epoch: 1 }
      const decision = decide(jobMachine, checkpoint, event, facts)
      if (decision.kind === 'refused') throw new Error(`${decision.event} refused in ${decision.state}`)
      checkpoint = decision.checkpoint
    }
    expect(checkpoint.state).toBe('published')
  })
})
