import type { Publish } from '../record.ts'
import type { World } from '../world.ts'
import { newPostId } from './post-id.ts'
import { progressOf, type Stage } from './progress.ts'
import { keepPublish } from './publish.ts'

/** The user posts a draft from their inbox, perhaps not for the first time: each time makes a post of its own. */
export function postDraft(world: World, publishId: string, isPublic?: boolean): Publish {
  const publish = known(world, publishId)
  const { status } = progressOf(publish, world.now())
  if (publish.mode !== 'draft' || (status !== 'SEND_TO_USER_INBOX' && status !== 'PUBLISH_COMPLETE')) {
    throw new RangeError(`${publishId} is no draft in an inbox`)
  }
  const account = world.book.get('account', publish.openId)
  const userPost = {
    at: world.now(),
    postId: newPostId(world, publish),
    isPublic: isPublic ?? account?.private !== true,
  }
  return kept(world, { ...publish, userPosts: [...(publish.userPosts ?? []), userPost] })
}

/** TikTok takes a public post down; it stays posted, and is no longer to be seen. */
export function takeDown(world: World, publishId: string): Publish {
  return kept(world, { ...staged(world, publishId, 'public'), takenDownAt: world.now() })
}

/** The owner makes a private post public; its id appears after moderation. */
export function makePublic(world: World, publishId: string): Publish {
  return kept(world, { ...staged(world, publishId, 'private'), madePublicAt: world.now() })
}

function known({ book }: World, publishId: string): Publish {
  const publish = book.get('publish', publishId)
  if (!publish) throw new RangeError(`no post ${publishId}`)
  return publish
}

function staged(world: World, publishId: string, stage: Stage): Publish {
  const publish = known(world, publishId)
  const found = progressOf(publish, world.now()).stage
  if (found !== stage) throw new RangeError(`${publishId} is ${found}, not ${stage}`)
  return publish
}

function kept(world: World, publish: Publish): Publish {
  keepPublish(world, publish)
  return publish
}
