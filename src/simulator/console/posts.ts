import type { LocalPost } from '../post/local-post.ts'
import { badge, type Markup, markup } from './markup.ts'

const most = 60

/** The newest posts, and for each what can be done to it where it stands. */
export function postTable(posts: readonly LocalPost[]): Markup {
  if (posts.length === 0) return markup`<p class="note">No posts yet.</p>`
  const shown = posts.slice(-most).reverse()
  return markup`<table><tr><th>stands<th>post<th>account<th>ids<th></tr>
${shown.map(
  (
    post,
  ) => markup`<tr><td>${badge(post.stage)}${post.failReason && markup`<small class="note">${post.failReason}</small>`}
<td>${post.title || markup`<i>no caption</i>`}<small class="note">${post.media}, ${post.mode}</small>
<td><a href="/@${post.username}">@${post.username}</a>
<td><code>${post.publishId}${post.postIds.map((id) => markup`<br>${id}`)}</code><td>${acts(post)}</tr>`,
)}</table>${posts.length > most && markup`<p class="note">and ${posts.length - most} older ones</p>`}`
}

function acts(post: LocalPost): readonly Markup[] {
  const act = (name: string, text: string) =>
    markup`<form data-send="POST posts/${name}"><input type="hidden" name="publishId" value="${post.publishId}">
<button>${text}</button></form> `
  const isPosted = post.status === 'PUBLISH_COMPLETE'
  return [
    ...(post.stage === 'public' ? [act('takedown', 'Take down')] : []),
    ...(post.stage === 'private' ? [act('public', 'Make public')] : []),
    ...(post.stage === 'draft' ? [act('draft', 'User posts it')] : []),
    ...(post.mode === 'draft' && isPosted ? [act('draft', 'User posts it again')] : []),
  ]
}
