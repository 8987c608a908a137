import type { Reply } from '../http/reply.ts'
import { keptBytes, type World } from '../world.ts'

/** `/__local/media/<publish id>` and, of several photos, `/__local/media/<publish id>/<index>`: the bytes as they came. */
export function mediaReply(
  world: World,
  [encodedId = '', photo]: readonly string[],
  range: string | undefined,
): Reply {
  const publish = world.book.get('publish', decodeURIComponent(encodedId))
  const isPhoto = publish?.media === 'photo'
  const index = isPhoto ? Number(photo) : undefined
  const isThere = index === undefined || (publish?.pull?.urls[index] !== undefined && index >= 0)
  if (!publish?.sha256 || !isThere) return { status: 404, json: { error: 'no such media' } }
  const path = keptBytes(world, publish.publishId, index)
  return { status: 200, file: { path, type: isPhoto ? 'image/jpeg' : 'video/mp4', range } }
}
