import type { SimulatorContext } from '../context.ts'
import type { Publish } from '../record.ts'
import { newPostId } from './post-id.ts'
import { type PostStage, progressOf } from './progress.ts'
import { savePublish } from './publish-record.ts'

/** The user posts a draft from the inbox. Each time makes another post. */
export function postDraft(context: SimulatorContext, publishId: string, isPublic?: boolean): Publish {
  const publish = requirePublish(context, publishId)
  const { status } = progressOf(publish, context.now())
  if (publish.mode !== 'draft' || (status !== 'SEND_TO_USER_INBOX' && status !== 'PUBLISH_COMPLETE')) {
    throw new RangeError(`${publishId} is not a draft in an inbox`)
  }
  const account = context.recordStore.get('account', publish.openId)
  const userPost = {
    at: context.now(),
    postId: newPostId(context, publish),
    isPublic: isPublic ?? account?.private !== true,
  }
  return saved(context, { ...publish, userPosts: [...(publish.userPosts ?? []), userPost] })
}

/** TikTok takes a public post down. Its status stays complete. */
export function takeDown(context: SimulatorContext, publishId: string): Publish {
  return saved(context, { ...requireStage(context, publishId, 'public'), takenDownAt: context.now() })
}

/** The owner makes a private post public. Its id appears after moderation. */
export function makePublic(context: SimulatorContext, publishId: string): Publish {
  return saved(context, { ...requireStage(context, publishId, 'private'), madePublicAt: context.now() })
}

function requirePublish({ recordStore }: SimulatorContext, publishId: string): Publish {
  const publish = recordStore.get('publish', publishId)
  if (!publish) throw new RangeError(`no post ${publishId}`)
  return publish
}

function requireStage(context: SimulatorContext, publishId: string, stage: PostStage): Publish {
  const publish = requirePublish(context, publishId)
  const found = progressOf(publish, context.now()).stage
  if (found !== stage) throw new RangeError(`${publishId} is ${found}, not ${stage}`)
  return publish
}

function saved(context: SimulatorContext, publish: Publish): Publish {
  savePublish(context, publish)
  return publish
}
