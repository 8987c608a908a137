import { describe, expect, it } from 'vitest'
import { initialContext, type JobContext } from '../../../../machines/job/context.ts'
import { jobMachine } from '../../../../src/definitions/machines.ts'
import { leafPaths } from '../../../../src/durable/machine.ts'
import { type PostStatus, postOfJob } from '../../../../src/graphql/schema/job/post-view.ts'

const post = {
  publishId: 'v_pub~1',
  uploadUrlSealed: 'canary',
  chunkSize: 5,
  chunkCount: 3,
  approvedHash: null,
}
const fresh: JobContext = {
  ...initialContext({ slotId: 'slot', accountId: 'account', publishAt: 0 }),
  post,
}
const sent = { sentAt: 1_000, nextChunk: 3 } as const

const cases: readonly (readonly [status: PostStatus, state: string, known: Partial<JobContext>])[] = [
  ['UPLOADING', 'publishing.uploading', {}],
  ['UPLOADING', 'publishing.backingOff', { nextChunk: 2 }],
  ['UPLOADING', 'paused', { nextChunk: 1 }],
  ['UPLOADING', 'waitingForAccount', { nextChunk: 1 }],
  ['UPLOADING', 'publishing.reconciling', { nextChunk: 1, outcomeUnknown: true }],
  ['UNCONFIRMED', 'publishing.reconciling', { nextChunk: 2, outcomeUnknown: true }],
  ['UNCONFIRMED', 'needsPerson', { nextChunk: 2, outcomeUnknown: true }],
  ['ACCEPTED', 'watching.accepted', sent],
  ['ACCEPTED', 'watching.checking', sent],
  ['PROCESSING', 'watching.processing', { ...sent, stage: 'processing' }],
  ['PROCESSING', 'watching.checking', { ...sent, stage: 'processing' }],
  ['PROCESSING', 'watching.backingOff', { ...sent, stage: 'processing' }],
  ['IN_MODERATION', 'watching.inModeration', { ...sent, stage: 'inModeration' }],
  ['IN_MODERATION', 'watching.checking', { ...sent, stage: 'inModeration' }],
  ['UNCONFIRMED', 'needsPerson', sent],
  ['UNCONFIRMED', 'waitingForAccount', sent],
  ['PUBLIC', 'closing', { ...sent, ending: 'published', visibility: 'public' }],
  ['PUBLIC', 'published', { ...sent, ending: 'published', visibility: 'public' }],
  ['PRIVATE', 'closing', { ...sent, ending: 'published', visibility: 'private' }],
  ['PRIVATE', 'published', { ...sent, ending: 'published', visibility: 'private' }],
  // A draft that its creator has posted: TikTok reports the visibility only of public posts.
  ['PRIVATE', 'published', { ...sent, audience: 'inbox', ending: 'published' }],
  ['DRAFT', 'closing', { ...sent, audience: 'inbox', ending: 'delivered' }],
  ['DRAFT', 'delivered', { ...sent, audience: 'inbox', ending: 'delivered' }],
  ['TAKEN_DOWN', 'closing', { ...sent, ending: 'published', visibility: 'hidden' }],
  ['TAKEN_DOWN', 'takenDown', { ...sent, ending: 'published', visibility: 'hidden' }],
  // A step of the closing is retried.
  ['PUBLIC', 'backingOff', { ...sent, ending: 'published', visibility: 'public' }],
  ['FAILED', 'backingOff', { ...sent, ending: 'failed' }],
  ['FAILED', 'closing', { ...sent, ending: 'failed' }],
  ['FAILED', 'failed', { ...sent, ending: 'failed' }],
  ['FAILED', 'cancelled', { nextChunk: 1, ending: 'cancelled' }],
]

describe('a post', () => {
  it.each(cases)('is %s in the state %s with %j', (status, state, known) => {
    expect(postOfJob(state, { ...fresh, ...known })?.status).toBe(status)
  })

  it('is tested only in states that the machine has', () => {
    for (const [, state] of cases) expect(leafPaths(jobMachine)).toContain(state)
  })

  it('is null while the job has none at TikTok', () => {
    for (const state of leafPaths(jobMachine)) expect(postOfJob(state, { ...fresh, post: null })).toBeNull()
  })

  it('contains its ids but not its upload URL', () => {
    const ids = ['7312345678901234567', '7312345678901234568']
    const context = {
      ...fresh,
      ...sent,
      ending: 'published',
      visibility: 'public',
      publicPostIds: ids,
    } as const
    expect(postOfJob('published', context)).toEqual({
      publishId: 'v_pub~1',
      status: 'PUBLIC',
      publicPostIds: ids,
      sentAt: 1_000,
      accountId: 'account',
    })
  })
})
