/** Prints where a rehearsal's API, console and key are. */
export function announceRehearsal(
  print: (line: string) => void,
  {
    tiktok,
    address,
    apiKey,
  }: {
    /** URL of the local TikTok. */
    readonly tiktok: string
    /** URL of the API; null in a process without one. */
    readonly address: string | null
    /** Known only at the first start; later only its hash is stored. */
    readonly apiKey: string | null
  },
): void {
  print(`\n  Reelpilot runs a rehearsal against a local TikTok at ${tiktok}`)
  // A URL fragment is never sent to a server or proxy; the page reads the key from it.
  if (address) print(`  GraphiQL   ${address}/graphql${apiKey ? `#key=${apiKey}` : ''}`)
  if (address)
    print(`  API key    ${apiKey ?? 'printed at the first start; `npm start -- key` creates another one'}`)
  print(`  Console    ${tiktok}/__local/\n`)
}
