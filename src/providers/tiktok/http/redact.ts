import { boundedRaw } from '../../read-answer.ts'

/**
 * A text of TikTok's as it may be kept and shown: tokens, secrets and the queries of addresses are taken out, whatever
 * form the text has and wherever it was cut.
 */
export function redact(text: string): string {
  const rest = credentials.reduce((left, pattern) => left.replace(pattern, '$1[redacted]'), text)
  // What is kept may end in a Postgres `jsonb`, which takes every character but this one.
  return rest.replaceAll('\0', '\ufffd')
}

/** An unreadable answer as it is kept: at most 64 kB, and redacted. */
export function keptRaw(text: string): string {
  return redact(boundedRaw(text))
}

// Each keeps its first group, which says what the credential was.
const credentials: readonly RegExp[] = [
  // An upload address is a credential as a whole; which part of its query is one, is TikTok's affair. Bounded, so that a
  // page of half addresses does not take the square of its length.
  /(https?:[^\s"'<>?]{0,1000}\?)[^\s"'<>]+/gi,
  // By name, in JSON (escaped or not), a Python dict, a form or a query.
  /((?:(?:access|refresh|upload)_?token|client_?secret|code_?verifier)[\\"'\s]*(?:[:=]|%3d)[\\"'\s]*)[^\\"'\s,;&}<>]+/gi,
  /(\bbearer\s+)\S{8,}/gi,
  // By form: access, refresh and client tokens begin so.
  /()\b(?:act|rft|clt)\.[^\\"'\s,;&}<>]+/g,
]
