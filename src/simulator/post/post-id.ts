import { randomBytes } from 'node:crypto'
import type { SimulatorDependencies } from '../dependencies.ts'
import type { Publish } from '../record.ts'
import { readTitleDirectives } from './title-directives.ts'

/** An id like TikTok's: the second in the upper 32 bits, random bits below. Its 19 digits exceed a double's precision. */
export function snowflake(now: number): string {
  const seconds = BigInt(Math.floor(now / 1000))
  return String((seconds << 32n) | BigInt(randomBytes(4).readUInt32BE()))
}

/** The id of a public post: from the title's directive, else from the setting `nextPostIds`, else a new one. */
export function newPostId(dependencies: SimulatorDependencies, publish: Publish): string {
  const directed = readTitleDirectives(publish.title).id
  if (directed !== undefined && !isTaken(dependencies, directed)) return directed

  const [next, ...rest] = dependencies.settings().nextPostIds
  if (next === undefined) return snowflake(dependencies.now())
  dependencies.changeSettings({ nextPostIds: rest })
  return isTaken(dependencies, next) ? newPostId(dependencies, publish) : next
}

/** Post ids are unique: a second post with the same id would be hidden behind the first. */
function isTaken({ recordStore }: SimulatorDependencies, id: string): boolean {
  return recordStore
    .all('publish')
    .some(
      (publish) =>
        publish.postIds.includes(id) || publish.userPosts?.some(({ postId }) => postId === id) === true,
    )
}
