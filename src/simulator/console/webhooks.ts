import type { LocalApp } from '../record.ts'
import type { LocalWebhook } from '../webhook/local-webhook.ts'
import { badge, type Markup, markup } from './markup.ts'

const maxRows = 40

export function appForm({ webhookUrl }: LocalApp): Markup {
  return markup`<div class="row"><form data-send="PATCH app"><label>Sent to
<input class="wide" type="url" name="webhookUrl" data-empty="null" placeholder="nowhere" value="${webhookUrl ?? ''}"></label>
<button>Set</button></form></div>`
}

/** The newest events with the app's answers. */
export function webhookTable(webhooks: readonly LocalWebhook[]): Markup {
  if (webhooks.length === 0) return markup`<p class="note">No events yet.</p>`
  return markup`<table><tr><th>state<th>event<th>account<th>answer<th>attempts<th>content</tr>
${webhooks
  .slice(-maxRows)
  .reverse()
  .map(
    ({ state, event, username, answer, attempts, body }) => markup`<tr><td>${badge(state)}<td>${event}
<td>@${username}<td>${answer ?? '—'}<td class="number">${attempts}<td><code class="line" title="${body}">${contentOf(body)}</code></tr>`,
  )}</table>`
}

/** The content of an event; the title attribute has the whole body. */
function contentOf(body: string): string {
  if (body === '') return '—'
  const { content } = JSON.parse(body)
  return String(content)
}
