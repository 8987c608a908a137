import { endpoints } from '../endpoint.ts'
import type { Fault, FaultEffect } from '../fault.ts'
import type { Account } from '../record.ts'
import { type Markup, markup } from './markup.ts'

export function faultTable(faults: readonly Fault[]): Markup {
  if (faults.length === 0) return markup`<p class="note">Nothing is armed.</p>`
  return markup`<table><tr><th>at<th>effect<th>when<th>account</tr>${faults.map(
    ({ endpoint, effect, account, ...when }) => markup`<tr><td>${endpoint}<td>${effectText(effect)}
<td>${'nth' in when ? `call ${when.nth} from when it was armed` : `each with probability ${when.probability}`}
<td>${account ?? 'any'}</tr>`,
  )}</table><form data-send="DELETE faults"><button>Disarm all</button></form>`
}

function effectText({ kind, ...more }: FaultEffect): string {
  return [kind, ...Object.values(more)].join(' ')
}

const effects: Readonly<Record<FaultEffect['kind'], string>> = {
  status: 'answer a status',
  redirect: 'redirect elsewhere',
  dropBefore: 'cut off before doing it',
  dropAfter: 'do it, then cut off',
  garble: 'do it, answer half',
  mangle: 'do it, mangle the answer',
  delay: 'wait first',
}

/** Each effect has inputs of its own; the script shows those of the chosen one, and sends no other. */
export function faultForm(accounts: readonly Account[]): Markup {
  const option = (value: string, text = value) => markup`<option value="${value}">${text}</option>`
  return markup`<div class="row"><form data-send="POST faults">
<select name="endpoint" aria-label="Endpoint">${endpoints.map((name) => option(name))}</select>
<select name="effect.kind" aria-label="Effect">${Object.entries(effects).map(([kind, text]) => option(kind, text))}</select>
<fieldset data-when="effect.kind=status"><input type="number" name="effect.status" value="503" min="200" max="599" aria-label="Status">
<input name="effect.code" placeholder="code"><input type="number" name="effect.retryAfterSeconds" placeholder="retry after"></fieldset>
<fieldset data-when="effect.kind=redirect"><input class="wide" name="effect.location" placeholder="to a place that counts"></fieldset>
<fieldset data-when="effect.kind=mangle"><select name="effect.as" aria-label="How">${['prose', 'python', 'html'].map((how) => option(how))}</select></fieldset>
<fieldset data-when="effect.kind=delay"><input type="number" name="effect.delayMs" value="1000" min="0" aria-label="Milliseconds"> ms</fieldset>
<select data-choice="when" aria-label="When">${option('nth', 'once, on call')}${option('odds', 'with probability')}</select>
<fieldset data-when="when=nth"><input type="number" name="nth" value="1" min="1" aria-label="Call"></fieldset>
<fieldset data-when="when=odds"><input type="number" name="probability" value="0.1" min="0" max="1" step="0.01" aria-label="Probability">
seed <input type="number" name="seed" value="1" aria-label="Seed"></fieldset>
<select name="account" aria-label="Account"><option value="">any account</option>${accounts.map(({ username }) => option(username))}</select>
<button class="main">Arm</button></form></div>`
}
