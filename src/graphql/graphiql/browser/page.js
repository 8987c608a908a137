/* global options, YogaGraphiQL */
// Runs in the browser, around GraphiQL. `options` is written in front of it by the server.

/** Where the key is kept: for this tab, and gone with it. */
const place = 'reelpilot.apiKey'
const { assets } = document.currentScript.dataset

/** Takes the key out of the link that was followed, and the fragment out of the address bar. */
function takeKeyFromAddress() {
  const key = new URLSearchParams(location.hash.slice(1)).get('key')
  if (!key) return false
  sessionStorage.setItem(place, key)
  history.replaceState(history.state, '', location.pathname + location.search)
  return true
}

// Earlier versions of this page left the key among GraphiQL's settings.
for (const name of Object.keys(localStorage))
  if (name.startsWith('graphiql:') && localStorage.getItem(name).includes('rp_live_'))
    localStorage.removeItem(name)

takeKeyFromAddress()
addEventListener('hashchange', () => {
  if (takeKeyFromAddress()) location.reload()
})

self.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (_module, label) => `${assets}${label}.js`,
}

addEventListener('DOMContentLoaded', () => {
  const form = document.getElementById('sign-in')
  const field = document.getElementById('api-key')
  const key = sessionStorage.getItem(place)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (key) sessionStorage.removeItem(place)
    else sessionStorage.setItem(place, field.value.trim())
    location.reload()
  })
  form.querySelector('button').textContent = key ? 'Use another key' : 'Open GraphiQL'
  form.querySelector('label').hidden = key !== null
  field.hidden = key !== null
  field.disabled = key !== null
  if (!key) return field.focus()

  const signedIn = document.getElementById('signed-in')
  signedIn.hidden = false
  signedIn.textContent = `Signed in with ${key.slice(0, 14)}…, in this tab only`
  YogaGraphiQL.renderYogaGraphiQL(document.getElementById('graphiql'), {
    ...options,
    // GraphiQL goes to the tab that has this operation; without one it would open an empty tab at every reload.
    query: new URLSearchParams(location.search).get('query') ?? options.defaultTabs[0].query,
    additionalHeaders: { authorization: `Bearer ${key}` },
  })
})
