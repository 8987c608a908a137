import type { SimulatorContext } from '../context.ts'
import { findAccount } from '../dependencies.ts'
import type { Reply } from '../http/reply.ts'
import { type LocalPost, localPost } from '../post/local-post.ts'
import type { Account } from '../record.ts'
import { htmlPage, pageHeader } from './layout.ts'
import { badge, type Markup, markup } from './markup.ts'

/** `/` lists all accounts with their posts; `/@username` shows one account. */
export function profilePage(context: SimulatorContext, pathname: string): Reply {
  const username = /^\/@([^/]+)/.exec(pathname)?.[1]
  const accounts = username ? [findAccount(context, username)] : [...context.recordStore.all('account')]
  const displayed = accounts.filter((account) => account !== undefined)
  const isMissing = username !== undefined && displayed.length === 0
  const emptyNote = isMissing ? markup`<p>No such account.</p>` : markup`<p>No accounts yet.</p>`

  const profiles = displayed.map((account) => profile(context, account))
  const body = markup`${pageHeader('profiles')}${profiles.length > 0 ? profiles : emptyNote}`
  return htmlPage(isMissing ? 404 : 200, 'Local TikTok', body)
}

function profile(context: SimulatorContext, account: Account): Markup {
  const own = [...context.recordStore.all('publish')]
    .filter(({ openId }) => openId === account.openId)
    .map((publish) => localPost(publish, account, context.now()))
    .reverse()
  return markup`<section>
<h2><a href="/@${account.username}">@${account.username}</a>
<small>${account.nickname} · ${account.private ? 'private' : 'public'} · ${own.length} posts</small></h2>
<div class="grid">${own.map(card)}</div>
</section>`
}

function card(post: LocalPost): Markup {
  const level = post.mode === 'draft' ? 'privacy chosen by the user' : post.privacyLevel
  return markup`<article>${picture(post)}
<p>${post.title || markup`<i>no caption</i>`}</p>
<p>${badge(post.stage)} ${post.failReason}<br><small>${level}${post.isAigc && ' · AI-generated'}</small></p>
<p class="ids">${post.at}<br>${post.publishId}<br>${post.status}<br>${post.postIds.join(', ') || 'no public id'}</p>
</article>`
}

function picture(post: LocalPost): Markup {
  const media = `/__local/media/${encodeURIComponent(post.publishId)}`
  if (post.sha256 && post.media === 'photo') return markup`<img src="${media}/0" alt="">`
  if (post.sha256) return markup`<video controls preload="metadata" src="${media}"></video>`
  if (post.urls) return markup`<p class="empty">${post.urls.length} by URL</p>`
  return markup`<p class="empty">${Math.floor((100 * post.bytes) / post.size)} % uploaded</p>`
}
