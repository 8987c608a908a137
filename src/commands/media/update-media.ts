import type { Tx } from '../../store/database.ts'
import { updateMediaDetails } from '../../store/media/changes.ts'
import type { FieldIssue } from '../refusal.ts'
import type { MediaResult } from './change-media.ts'

export const maxTitleLength = 200
export const maxTags = 50
export const maxTagLength = 50

/** Tags as they are stored: trimmed, without repetitions. */
export function normaliseTags(tags: readonly string[]): readonly string[] {
  return [...new Set(tags.map((tag) => tag.trim()))]
}

/** What is wrong with a title or with tags. */
export function problemsOfDetails({
  title,
  tags,
}: {
  readonly title?: string | null | undefined
  readonly tags?: readonly string[] | null | undefined
}): readonly FieldIssue[] {
  const problems: FieldIssue[] = []
  if (title != null && [...title.trim()].length > maxTitleLength)
    problems.push({ path: 'title', message: `must have at most ${maxTitleLength} characters` })
  const given = normaliseTags(tags ?? [])
  if (given.length > maxTags) problems.push({ path: 'tags', message: `must be at most ${maxTags}` })
  for (const [index, tag] of (tags ?? []).entries()) {
    const { length } = [...tag.trim()]
    if (length < 1 || length > maxTagLength)
      problems.push({ path: `tags.${index}`, message: `must have 1 to ${maxTagLength} characters` })
  }
  return problems
}

/** Changes the title and the tags of a media. What is null stays as it is. */
export async function updateMedia(
  tx: Tx,
  {
    organizationId,
    mediaId,
    title,
    tags,
  }: {
    readonly organizationId: string
    readonly mediaId: string
    readonly title: string | null
    readonly tags: readonly string[] | null
  },
): Promise<MediaResult> {
  const fields = problemsOfDetails({ title, tags })
  if (fields.length > 0) return { kind: 'invalid', fields }
  const isUpdated = await updateMediaDetails(tx, organizationId, mediaId, {
    title: title?.trim(),
    tags: tags === null ? undefined : normaliseTags(tags),
  })
  return isUpdated ? { kind: 'done', mediaId } : { kind: 'missing', field: 'mediaId' }
}
