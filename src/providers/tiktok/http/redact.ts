import { truncateRaw } from '../../read-answer.ts'

/**
 * A text from TikTok that is safe to store and show: tokens, secrets and the queries of URLs are removed, whatever the
 * text's format and wherever it was cut.
 */
export function redact(text: string): string {
  const redacted = credentials.reduce((rest, pattern) => rest.replace(pattern, '$1[redacted]'), text)
  // The text may be stored as Postgres `jsonb`, which accepts every character but this one.
  return redacted.replaceAll('\0', '\ufffd')
}

/** At most 64 kB of an unreadable answer, redacted. */
export function redactedRaw(text: string): string {
  return redact(truncateRaw(text))
}

// Each pattern keeps its first group, which names the credential.
const credentials: readonly RegExp[] = [
  // An upload URL is a credential as a whole, since TikTok does not say which part of its query is one. The bound keeps a
  // page of unfinished URLs from taking time in the square of its length.
  /(https?:[^\s"'<>?]{0,1000}\?)[^\s"'<>]+/gi,
  // By name, in JSON (escaped or not), a Python dict, a form or a query.
  /((?:(?:access|refresh|upload)_?token|client_?secret|code_?verifier)[\\"'\s]*(?:[:=]|%3d)[\\"'\s]*)[^\\"'\s,;&}<>]+/gi,
  /(\bbearer\s+)\S{8,}/gi,
  // By prefix: access, refresh and client tokens start with these.
  /()\b(?:act|rft|clt)\.[^\\"'\s,;&}<>]+/g,
]
