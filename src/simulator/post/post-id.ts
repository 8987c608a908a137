import { randomBytes } from 'node:crypto'
import type { SimulatorDependencies } from '../dependencies.ts'
import type { Publish } from '../record.ts'
import { scriptOf } from './title-directives.ts'

/** TikTok's kind of id: the second in the upper 32 bits and chance below, 19 digits that no double can hold. */
export function snowflake(now: number): string {
  const seconds = BigInt(Math.floor(now / 1000))
  return String((seconds << 32n) | BigInt(randomBytes(4).readUInt32BE()))
}

/** An id for one public post: what its title scripts, else the next that the setting has ready, else a fresh one. */
export function newPostId(dependencies: SimulatorDependencies, publish: Publish): string {
  const scripted = scriptOf(publish.title).id
  if (scripted !== undefined && !isTaken(dependencies, scripted)) return scripted

  const [next, ...rest] = dependencies.settings().nextPostIds
  if (next === undefined) return snowflake(dependencies.now())
  dependencies.changeSettings({ nextPostIds: rest })
  return isTaken(dependencies, next) ? newPostId(dependencies, publish) : next
}

/** No two posts share an id, whatever was asked for: a second post must not hide behind the first one's. */
function isTaken({ recordStore }: SimulatorDependencies, id: string): boolean {
  return recordStore
    .all('publish')
    .some(
      (publish) =>
        publish.postIds.includes(id) || publish.userPosts?.some(({ postId }) => postId === id) === true,
    )
}
