export const welcome = `# Who am I, and what is planned?
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

export const live = `# Leave this open: everything that happens shows up here. \`after: 0\` replays the past first.
subscription Live {
  events(after: 0) { sequence type occurredAt payload job { state } }
}
`
