import type { LocalPost } from '../post/local-post.ts'
import { badge, type Markup, markup } from './markup.ts'

const maxRows = 60

/** The newest posts, each with the actions that its stage allows. */
export function postTable(posts: readonly LocalPost[]): Markup {
  if (posts.length === 0) return markup`<p class="note">No posts yet.</p>`
  const displayed = posts.slice(-maxRows).reverse()
  return markup`<table><tr><th>stage<th>post<th>account<th>ids<th></tr>
${displayed.map(
  (
    post,
  ) => markup`<tr><td>${badge(post.stage)}${post.failReason && markup`<small class="note">${post.failReason}</small>`}
<td>${post.title || markup`<i>no caption</i>`}<small class="note">${post.media}, ${post.mode}</small>
<td><a href="/@${post.username}">@${post.username}</a>
<td><code>${post.publishId}${post.postIds.map((id) => markup`<br>${id}`)}</code><td>${actionForms(post)}</tr>`,
)}</table>${posts.length > maxRows && markup`<p class="note">and ${posts.length - maxRows} older posts</p>`}`
}

function actionForms(post: LocalPost): readonly Markup[] {
  const actionForm = (name: string, text: string) =>
    markup`<form data-send="POST posts/${name}"><input type="hidden" name="publishId" value="${post.publishId}">
<button>${text}</button></form> `
  const isPosted = post.status === 'PUBLISH_COMPLETE'
  return [
    ...(post.stage === 'public' ? [actionForm('takedown', 'Take down')] : []),
    ...(post.stage === 'private' ? [actionForm('public', 'Make public')] : []),
    ...(post.stage === 'draft' ? [actionForm('draft', 'User posts it')] : []),
    ...(post.mode === 'draft' && isPosted ? [actionForm('draft', 'User posts it again')] : []),
  ]
}
