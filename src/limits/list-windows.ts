import type { Limiter, WindowView } from './limiter.ts'
import { readKey, type WindowName } from './tiktok-limits.ts'

export interface NamedWindow extends WindowView {
  readonly name: WindowName
  /** Null: the whole organization's. */
  readonly accountId: string | null
}

/** The windows of an organization that have been used so far, and who waits for them. */
export async function listWindows(limiter: Limiter, organizationId: string): Promise<readonly NamedWindow[]> {
  const views = await limiter.windows(organizationId)
  return views.flatMap((view) => {
    const read = readKey(view.key)
    return read ? [{ ...view, ...read }] : []
  })
}
