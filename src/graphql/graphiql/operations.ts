export const welcome = `# The organization, the API key and the first plans.
query Overview {
  viewer { organization { name } apiKey { name scopes } }
  plans(first: 3) {
    nodes {
      name
      state
      isAutopilotEnabled
      slots(first: 5) {
        nodes { wallTime caption job { state tag progress { completed total unit } waitingUntil } }
      }
    }
  }
  quotas { metric available reserved used }
}
`

export const live = `# Events appear here as they happen. \`after: 0\` replays earlier events first.
subscription Live {
  events(after: 0) { sequence type occurredAt payload job { state } }
}
`
