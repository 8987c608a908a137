import { jobMachine } from '../../../definitions/machines.ts'
import { contextOf, loadCheckpoint } from '../../../durable/machine.ts'
import { builder } from '../builder.ts'
import { Job } from '../ref.ts'
import { type PostStatus as PostStatusName, type PostView, postOfJob } from './post-view.ts'

const statuses: Readonly<Record<PostStatusName, { readonly description: string }>> = {
  UPLOADING: { description: 'The post is opened at TikTok, and the upload is not complete.' },
  ACCEPTED: { description: 'The upload is complete. TikTok has not been asked for the outcome yet.' },
  PROCESSING: { description: 'TikTok is processing the video.' },
  IN_MODERATION: { description: "The post is published and becomes visible after TikTok's moderation." },
  PUBLIC: { description: 'The post is public.' },
  PRIVATE: { description: 'The post is published but not public, as far as TikTok has reported.' },
  DRAFT: { description: "The video is a draft in the creator's inbox." },
  TAKEN_DOWN: {
    description:
      'The post was public and is not any more: TikTok or the creator removed it or made it private.',
  },
  FAILED: {
    description: 'The post will not appear: TikTok rejected it, or the upload was abandoned.',
  },
  UNCONFIRMED: {
    description:
      'The post may exist: a response was lost, or TikTok has reported nothing final. It is not posted again until this is resolved.',
  },
}
const PostStatus = builder.enumType('PostStatus', {
  description: 'The status of a post, as far as TikTok has reported it.',
  values: statuses,
})

const Post = builder.objectRef<PostView>('Post').implement({
  description: 'A post at TikTok, from the time its upload is opened.',
  authScopes: { read: true },
  fields: (t) => ({
    publishId: t.exposeString('publishId', { description: "TikTok's publish id." }),
    status: t.expose('status', { type: PostStatus, description: 'The status of the post.' }),
    publicPostIds: t.stringList({
      description:
        "TikTok's ids of all posts that are or were public, as exact decimal strings. A creator can publish one draft several times.",
      resolve: ({ publicPostIds }) => [...publicPostIds],
    }),
    urls: t.stringList({
      description: 'The addresses of the public posts; empty unless the post is public.',
      resolve: async ({ status, publicPostIds, accountId }, _args, { load }) => {
        if (status !== 'PUBLIC') return []
        const username = (await load.account.load(accountId))?.username
        return username ? publicPostIds.map((id) => urlOf(username, id)) : []
      },
    }),
    sentAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the upload was completed; null before.',
      resolve: ({ sentAt }) => (sentAt === null ? null : new Date(sentAt)),
    }),
  }),
})

builder.objectField(Job, 'post', (t) =>
  t.field({
    type: Post,
    nullable: true,
    description: 'The post at TikTok; null until it is opened.',
    resolve: (job, _args, { deps }) => {
      const { checkpoint } = loadCheckpoint(deps.machines, job)
      return postOfJob(checkpoint.state, contextOf(jobMachine, checkpoint))
    },
  }),
)

function urlOf(username: string, postId: string): string {
  return `https://www.tiktok.com/@${encodeURIComponent(username)}/video/${postId}`
}
