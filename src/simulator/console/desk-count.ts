import type { Counters } from '../counters.ts'
import type { LocalRate } from '../http/local-rate.ts'
import { type Markup, markup } from './markup.ts'

export function counterTable({ refused, ...counters }: Counters): Markup {
  const row = (name: string, value: number) => markup`<tr><td>${name}<td class="number">${value}</tr>`
  return markup`<table>${Object.entries(counters).map(([name, value]) => row(name, value))}
${Object.entries(refused).map(([code, times]) => row(`refused: ${code}`, times))}</table>`
}

export function rateTable(rates: readonly LocalRate[]): Markup {
  const accounts = rates.filter(({ per }) => per === 'account')
  if (accounts.length === 0) return markup`<p class="note">No calls yet.</p>`
  return markup`<table><tr><th>endpoint<th>account<th>let in<th>refused</tr>${accounts.map(
    ({ endpoint, subject, densest, refused }) => markup`<tr><td>${endpoint}<td>@${subject}
<td class="number">${densest}<td class="number">${refused}</tr>`,
  )}</table>`
}
