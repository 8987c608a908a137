/** What a person is told who has started a rehearsal: where everything is, and what can be tried. */
export function announceRehearsal(
  print: (line: string) => void,
  {
    tiktok,
    address,
    apiKey,
  }: {
    /** Where the local TikTok is. */
    readonly tiktok: string
    /** Where the API listens; null in a process without one. */
    readonly address: string | null
    /** Known only at the first start: after that, there is only its hash. */
    readonly apiKey: string | null
  },
): void {
  print(`\n  Reelpilot is rehearsing: everything is real but TikTok, which is at ${tiktok}`)
  // The fragment stays in the browser: the page takes the key from there, and no server or proxy ever sees it.
  if (address) print(`  GraphiQL   ${address}/graphql${apiKey ? `#key=${apiKey}` : ''}`)
  if (address)
    print(
      `  API key    ${apiKey ?? 'a key was printed at the first start; `npm start -- key` makes another'}`,
    )
  print(`  What if …  ${tiktok}/__local/\n`)
}
