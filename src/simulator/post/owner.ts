import type { SimulatorContext } from '../context.ts'
import type { Publish } from '../record.ts'
import { newPostId } from './post-id.ts'
import { progressOf, type Stage } from './progress.ts'
import { keepPublish } from './publish-record.ts'

/** The user posts a draft from their inbox, perhaps not for the first time: each time makes a post of its own. */
export function postDraft(context: SimulatorContext, publishId: string, isPublic?: boolean): Publish {
  const publish = known(context, publishId)
  const { status } = progressOf(publish, context.now())
  if (publish.mode !== 'draft' || (status !== 'SEND_TO_USER_INBOX' && status !== 'PUBLISH_COMPLETE')) {
    throw new RangeError(`${publishId} is no draft in an inbox`)
  }
  const account = context.recordStore.get('account', publish.openId)
  const userPost = {
    at: context.now(),
    postId: newPostId(context, publish),
    isPublic: isPublic ?? account?.private !== true,
  }
  return kept(context, { ...publish, userPosts: [...(publish.userPosts ?? []), userPost] })
}

/** TikTok takes a public post down; it stays posted, and is no longer to be seen. */
export function takeDown(context: SimulatorContext, publishId: string): Publish {
  return kept(context, { ...staged(context, publishId, 'public'), takenDownAt: context.now() })
}

/** The owner makes a private post public; its id appears after moderation. */
export function makePublic(context: SimulatorContext, publishId: string): Publish {
  return kept(context, { ...staged(context, publishId, 'private'), madePublicAt: context.now() })
}

function known({ recordStore }: SimulatorContext, publishId: string): Publish {
  const publish = recordStore.get('publish', publishId)
  if (!publish) throw new RangeError(`no post ${publishId}`)
  return publish
}

function staged(context: SimulatorContext, publishId: string, stage: Stage): Publish {
  const publish = known(context, publishId)
  const found = progressOf(publish, context.now()).stage
  if (found !== stage) throw new RangeError(`${publishId} is ${found}, not ${stage}`)
  return publish
}

function kept(context: SimulatorContext, publish: Publish): Publish {
  keepPublish(context, publish)
  return publish
}
