import { removalReasons } from '../disconnect.ts'
import type { Account } from '../record.ts'
import type { LocalTikTok } from '../simulator.ts'
import { type Markup, markup } from './markup.ts'

export function accountTable(local: LocalTikTok): Markup {
  const accounts = local.accounts()
  if (accounts.length === 0) return markup`<p class="note">No accounts yet.</p>`
  return markup`<table><tr><th>account<th>traits<th>open id<th></tr>
${accounts.map(
  (
    account,
  ) => markup`<tr><td><a href="/@${account.username}"><b>@${account.username}</b></a><td>${describeTraits(account)}
<td><code>${account.openId}</code><td>${disconnectForm(account)}</tr>`,
)}</table>`
}

function describeTraits({ private: isPrivate, banned, oldApp, maxDurationSeconds }: Account): string {
  const traits = [isPrivate ? 'private' : 'public', banned && 'banned', oldApp && 'on an old app']
  return [...traits.filter((trait) => trait), `up to ${maxDurationSeconds} s`].join(', ')
}

function disconnectForm({ username }: Account): Markup {
  return markup`<form data-send="POST disconnects"><input type="hidden" name="username" value="${username}">
<select name="reason" aria-label="Reason">${Object.keys(removalReasons).map(
    (reason) => markup`<option${reason === 'userDisconnected' && markup` selected`}>${reason}</option>`,
  )}</select><button>Disconnect</button></form>`
}

export function newAccountForm(): Markup {
  const checkbox = (name: string, text: string) =>
    markup`<label><input type="checkbox" name="${name}"> ${text}</label>`
  return markup`<div class="row"><form data-send="POST accounts"><input name="username" placeholder="username" required>
${checkbox('private', 'private')} ${checkbox('banned', 'banned')} ${checkbox('oldApp', 'old app')}
<button>Create or replace</button></form></div>`
}
