import { jobMachine } from '../../../definitions/machines.ts'
import { contextOf, loadCheckpoint } from '../../../durable/machine.ts'
import { builder } from '../builder.ts'
import { Job } from '../ref.ts'
import { type PostStatus as PostStatusName, type PostView, postOfJob } from './post-view.ts'

const statuses: Readonly<Record<PostStatusName, { readonly description: string }>> = {
  UPLOADING: { description: 'TikTok has opened it, and not all of it is sent: nothing of it can be seen.' },
  ACCEPTED: { description: 'All of it is sent; TikTok was not asked yet what became of it.' },
  PROCESSING: { description: 'TikTok is working at it.' },
  IN_MODERATION: { description: "It is posted, and can be seen once TikTok's moderators are through." },
  PUBLIC: { description: 'Everyone can see it.' },
  PRIVATE: { description: 'It is posted, but not for everyone, as far as TikTok has said.' },
  DRAFT: { description: "It lies in its creator's inbox, who finishes it in the app." },
  TAKEN_DOWN: {
    description:
      'It could be seen and cannot any more: TikTok or its creator took it away or made it private.',
  },
  FAILED: {
    description: 'It will not appear: TikTok rejected it, or it was given up before all of it was sent.',
  },
  UNCONFIRMED: {
    description:
      'It may exist, and that is not settled: an answer was lost, or TikTok has said nothing final. It is never posted again before it is.',
  },
}
const PostStatus = builder.enumType('PostStatus', {
  description: 'What became of a post, as far as TikTok has said.',
  values: statuses,
})

const Post = builder.objectRef<PostView>('Post').implement({
  description: 'A post at TikTok, from the opening of its upload on.',
  authScopes: { read: true },
  fields: (t) => ({
    publishId: t.exposeString('publishId', { description: "TikTok's id of the posting." }),
    status: t.expose('status', { type: PostStatus, description: 'What became of it.' }),
    publicPostIds: t.stringList({
      description:
        "TikTok's ids of what can or could be seen, with every digit; its creator may make several of one draft.",
      resolve: ({ publicPostIds }) => [...publicPostIds],
    }),
    urls: t.stringList({
      description: 'Where everyone can see it; empty unless it is public.',
      resolve: async ({ status, publicPostIds, accountId }, _args, { load }) => {
        if (status !== 'PUBLIC') return []
        const username = (await load.account.load(accountId))?.username
        return username ? publicPostIds.map((id) => urlOf(username, id)) : []
      },
    }),
    sentAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the last of it was sent; null while it is being uploaded.',
      resolve: ({ sentAt }) => (sentAt === null ? null : new Date(sentAt)),
    }),
  }),
})

builder.objectField(Job, 'post', (t) =>
  t.field({
    type: Post,
    nullable: true,
    description: 'What TikTok has of it; null until a post is opened there.',
    resolve: (job, _args, { deps }) => {
      const { checkpoint } = loadCheckpoint(deps.machines, job)
      return postOfJob(checkpoint.state, contextOf(jobMachine, checkpoint))
    },
  }),
)

function urlOf(username: string, postId: string): string {
  return `https://www.tiktok.com/@${encodeURIComponent(username)}/video/${postId}`
}
