import { endpoints } from '../endpoint.ts'
import type { Fault, FaultEffect } from '../fault.ts'
import type { Account } from '../record.ts'
import { type Markup, markup } from './markup.ts'

export function faultTable(faults: readonly Fault[]): Markup {
  if (faults.length === 0) return markup`<p class="note">No faults are armed.</p>`
  return markup`<table><tr><th>endpoint<th>effect<th>when<th>account</tr>${faults.map(
    ({ endpoint, effect, account, ...when }) => markup`<tr><td>${endpoint}<td>${effectText(effect)}
<td>${'nth' in when ? `call ${when.nth} after arming` : `every call with probability ${when.probability}`}
<td>${account ?? 'any'}</tr>`,
  )}</table><form data-send="DELETE faults"><button>Disarm all</button></form>`
}

function effectText({ kind, ...parameters }: FaultEffect): string {
  return [kind, ...Object.values(parameters)].join(' ')
}

const effects: Readonly<Record<FaultEffect['kind'], string>> = {
  status: 'answer with a status',
  redirect: 'redirect',
  dropBefore: 'drop the connection before handling',
  dropAfter: 'handle, then drop the connection',
  garble: 'handle, answer half of the body',
  mangle: 'handle, corrupt the body',
  delay: 'wait, then handle',
}

/** Each effect has its own inputs. The script shows and sends only those of the chosen effect. */
export function faultForm(accounts: readonly Account[]): Markup {
  const option = (value: string, text = value) => markup`<option value="${value}">${text}</option>`
  return markup`<div class="row"><form data-send="POST faults">
<select name="endpoint" aria-label="Endpoint">${endpoints.map((name) => option(name))}</select>
<select name="effect.kind" aria-label="Effect">${Object.entries(effects).map(([kind, text]) => option(kind, text))}</select>
<fieldset data-when="effect.kind=status"><input type="number" name="effect.status" value="503" min="200" max="599" aria-label="Status">
<input name="effect.code" placeholder="code"><input type="number" name="effect.retryAfterSeconds" placeholder="retry after"></fieldset>
<fieldset data-when="effect.kind=redirect"><input class="wide" name="effect.location" placeholder="default: a URL that counts"></fieldset>
<fieldset data-when="effect.kind=mangle"><select name="effect.as" aria-label="How">${['prose', 'python', 'html'].map((how) => option(how))}</select></fieldset>
<fieldset data-when="effect.kind=delay"><input type="number" name="effect.delayMs" value="1000" min="0" aria-label="Milliseconds"> ms</fieldset>
<select data-choice="when" aria-label="When">${option('nth', 'once, on call')}${option('odds', 'with probability')}</select>
<fieldset data-when="when=nth"><input type="number" name="nth" value="1" min="1" aria-label="Call"></fieldset>
<fieldset data-when="when=odds"><input type="number" name="probability" value="0.1" min="0" max="1" step="0.01" aria-label="Probability">
seed <input type="number" name="seed" value="1" aria-label="Seed"></fieldset>
<select name="account" aria-label="Account"><option value="">any account</option>${accounts.map(({ username }) => option(username))}</select>
<button class="main">Arm</button></form></div>`
}
