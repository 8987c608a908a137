import type { GraphiQLOptions } from 'graphql-yoga'

export const welcome = `# Who am I, and what is planned?
query Overview {
  viewer { organization { name } apiKey { name scopes } }
  plans(first: 3) {
    nodes {
      name
      state
      autopilot
      slots(first: 5) {
        nodes { wallTime caption job { state tag progress { done of unit } waitingUntil } }
      }
    }
  }
  quotas { metric available reserved used }
}
`

export const live = `# Leave this open: everything that happens shows up here. \`after: 0\` replays the past first.
subscription Live {
  events(after: 0) { sequence type at payload job { state } }
}
`

/** GraphiQL with something to try at once; with `apiKey` already signed in, which is for rehearsals only. */
export function graphiqlOptions(apiKey: string | undefined): GraphiQLOptions {
  const headers = JSON.stringify({ authorization: `Bearer ${apiKey ?? 'your key'}` }, null, 2)
  return {
    title: 'Reelpilot',
    defaultTabs: [
      { query: welcome, headers },
      { query: live, headers },
    ],
    defaultHeaders: headers,
    headers,
    subscriptionsProtocol: 'SSE',
    schemaDescription: true,
  }
}
