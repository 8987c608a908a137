import { enter } from './gate.ts'
import { progressOf } from './progress.ts'
import { type Reply, refuse, succeed } from './reply.ts'
import type { Call, World } from './world.ts'

/** `POST /v2/video/list/?fields=…`: the public posts of an account, newest first. Cursor in milliseconds, times in seconds. */
export async function videoList(world: World, call: Call): Promise<Reply> {
  const entry = await enter(world, call, { endpoint: 'videoList', scopes: ['video.list'], perMinute: 600 })
  if (entry.kind === 'refused') return entry.reply

  const now = world.now()
  const fields = (call.url.searchParams.get('fields') ?? '').split(',').filter((field) => field !== '')
  if (fields.length === 0) return refuse(400, 'invalid_params', 'fields is required in the query', now)
  const { cursor = now + 1, max_count: maxCount = 10 } = entry.body
  if (typeof cursor !== 'number' || typeof maxCount !== 'number' || maxCount < 1 || maxCount > 20) {
    return refuse(400, 'invalid_params', 'cursor or max_count is invalid', now)
  }

  const videos = world.book
    .all('publish')
    .filter((publish) => publish.openId === entry.account.openId)
    .flatMap((publish) =>
      progressOf(publish, now).publicPostIds.map((id) => ({ id, publish, at: publish.completedAt ?? 0 })),
    )
    .filter(({ at }) => at < cursor)
    .toArray()
    .sort((one, other) => other.at - one.at)
  const page = videos.slice(0, maxCount)

  return succeed(
    {
      videos: page.map(({ id, publish, at }) =>
        pick(fields, {
          id,
          create_time: Math.floor(at / 1000),
          title: publish.title.slice(0, 150),
          video_description: publish.title.slice(0, 150),
          share_url: `${world.url()}/@${entry.account.username}/video/${id}`,
          view_count: 0,
          like_count: 0,
          comment_count: 0,
          share_count: 0,
        }),
      ),
      cursor: page.at(-1)?.at ?? cursor,
      has_more: videos.length > page.length,
    },
    now,
  )
}

function pick(fields: readonly string[], video: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.entries(video).filter(([name]) => fields.includes(name)))
}
