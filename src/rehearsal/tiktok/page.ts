import { localPost } from './local-post.ts'
import type { Account, Publish } from './record.ts'
import type { Reply } from './reply.ts'
import { accountNamed, type World } from './world.ts'

/** `/` lists all accounts with their posts, `/@username` shows one, as a profile would. */
export function page(world: World, pathname: string): Reply {
  const username = /^\/@([^/]+)/.exec(pathname)?.[1]
  const accounts = username ? [accountNamed(world, username)] : [...world.book.all('account')]
  const shown = accounts.filter((account) => account !== undefined)
  if (username && shown.length === 0) return html(404, '<p>No such account.</p>')

  const profiles = shown.map((account) => profile(world, account))
  return html(200, profiles.join('') || '<p>No accounts yet.</p>')
}

function profile(world: World, account: Account): string {
  const own = [...world.book.all('publish')].filter(({ openId }) => openId === account.openId).reverse()
  return `<section>
<h2><a href="/@${encodeURIComponent(account.username)}">@${escapeHtml(account.username)}</a>
<small>${escapeHtml(account.nickname)} · ${account.private ? 'private' : 'public'} · ${own.length} posts</small></h2>
<div class="grid">${own.map((publish) => card(world, account, publish)).join('')}</div>
</section>`
}

function card(world: World, account: Account, publish: Publish): string {
  const post = localPost(publish, account, world.now())
  const media = `/__local/media/${encodeURIComponent(publish.publishId)}`
  const video = post.sha256
    ? `<video controls preload="metadata" src="${media}"></video>`
    : `<p class="empty">${Math.floor((100 * post.bytes) / post.size)} % uploaded</p>`
  const ids = post.postIds.length > 0 ? post.postIds.join(', ') : 'no public id'
  return `<article>${video}
<p>${escapeHtml(post.title) || '<i>no caption</i>'}</p>
<p><b>${post.status}</b> ${escapeHtml(post.failReason ?? '')}<br>${escapeHtml(post.privacyLevel)}${post.isAigc ? ' · AI-generated' : ''}</p>
<p class="ids">${post.at}<br>${escapeHtml(post.publishId)}<br>${ids}</p>
</article>`
}

function html(status: number, body: string): Reply {
  return { status, text: { type: 'text/html; charset=utf-8', body: layout(body) } }
}

function layout(body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Local TikTok</title>
<meta name="viewport" content="width=device-width"><style>
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 64rem; padding: 0 1rem }
h2 small { font-weight: 400; opacity: .65; margin-left: .5rem }
a { color: inherit; text-decoration: none }
.grid { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)) }
article { border: 1px solid #8884; border-radius: .75rem; overflow: hidden }
article p { margin: .6rem .8rem; overflow-wrap: anywhere }
video, .empty { aspect-ratio: 9 / 16; background: #0008; width: 100%; display: block }
article .empty { display: grid; place-items: center; margin: 0; color: #fff }
.ids { font: 11px/1.4 ui-monospace, monospace; opacity: .65 }
</style></head><body><h1>Local TikTok</h1>${body}</body></html>`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
