import type { LocalRate } from '../http/rate.ts'
import type { Reply } from '../http/reply.ts'
import type { Counters } from '../record.ts'
import type { LocalTikTok } from '../simulator.ts'
import { accountTable, newAccountForm } from './accounts.ts'
import { faultForm, faultTable } from './faults.ts'
import { htmlPage, pageHeader } from './layout.ts'
import { type Markup, markup } from './markup.ts'
import { postTable } from './posts.ts'
import { settingForms } from './settings.ts'
import { appForm, webhookTable } from './webhooks.ts'

/**
 * `/__local/`: the state of the local TikTok and every control, on one page.
 *
 * Read-only sections are refreshed every two seconds; sections with inputs are not.
 */
export function consolePage(local: LocalTikTok, now: number): Reply {
  const body = markup`${pageHeader('console')}
${live('clock', markup`<p>Local time: <b>${new Date(now).toISOString().replace('T', ' ').slice(0, 19)}</b> UTC.</p>`)}
${clockForms()}
<h2>Accounts</h2>${live('accounts', accountTable(local))}${newAccountForm()}
<h2>Posts</h2>${live('posts', postTable(local.posts()))}
<h2>Faults</h2>${live('faults', faultTable(local.faults()))}${faultForm(local.accounts())}
<h2>Webhooks</h2>${appForm(local.app)}${live('webhooks', webhookTable(local.webhooks()))}
<h2>Settings <small>a dot marks a changed setting</small></h2>${settingForms(local.settings())}
<div class="columns"><div><h2>Counters</h2>${live('counters', counterTable(local.counters()))}</div>
<div><h2>Peak calls per minute</h2>${live('rates', rateTable(local.rates()))}</div></div>
<p class="toast" hidden></p>`
  const script = markup`<script type="module" src="/__local/page/console.js"></script>`
  return htmlPage(200, 'Console of the local TikTok', body, script)
}

function clockForms(): Markup {
  const step = (seconds: number, text: string) =>
    markup`<form data-send="POST advance"><input type="hidden" name="seconds" data-as="number" value="${seconds}">
<button>Forward ${text}</button></form> `
  return markup`<div>${step(60, 'a minute')}${step(3600, 'an hour')}${step(86_400, 'a day')}
<form data-send="POST advance"><input type="number" name="seconds" min="0" placeholder="seconds" required>
<button>Forward</button></form></div>`
}

function live(id: string, content: Markup): Markup {
  return markup`<section id="${id}" data-live>${content}</section>`
}

function counterTable({ refused, ...counters }: Counters): Markup {
  const row = (name: string, value: number) => markup`<tr><td>${name}<td class="number">${value}</tr>`
  return markup`<table>${Object.entries(counters).map(([name, value]) => row(name, value))}
${Object.entries(refused).map(([code, times]) => row(`refused: ${code}`, times))}</table>`
}

function rateTable(rates: readonly LocalRate[]): Markup {
  const accounts = rates.filter(({ per }) => per === 'account')
  if (accounts.length === 0) return markup`<p class="note">No calls yet.</p>`
  return markup`<table><tr><th>endpoint<th>account<th>peak<th>refused</tr>${accounts.map(
    ({ endpoint, subject, peakPerMinute, refused }) => markup`<tr><td>${endpoint}<td>@${subject}
<td class="number">${peakPerMinute}<td class="number">${refused}</tr>`,
  )}</table>`
}
