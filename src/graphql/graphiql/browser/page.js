/* global options, YogaGraphiQL */
// Runs in the browser, around GraphiQL. The server prepends the constant `options`.

/** The key is kept in the session storage of this tab. */
const storageKey = 'reelpilot.apiKey'
const { assets } = document.currentScript.dataset

/** Moves the key from the URL's fragment to the session storage. */
function takeKeyFromAddress() {
  const key = new URLSearchParams(location.hash.slice(1)).get('key')
  if (!key) return false
  sessionStorage.setItem(storageKey, key)
  history.replaceState(history.state, '', location.pathname + location.search)
  return true
}

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
  const key = sessionStorage.getItem(storageKey)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (key) sessionStorage.removeItem(storageKey)
    else sessionStorage.setItem(storageKey, field.value.trim())
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
    // GraphiQL selects the tab with this operation; without it, every reload would open an empty tab.
    query: new URLSearchParams(location.search).get('query') ?? options.defaultTabs[0].query,
    additionalHeaders: { authorization: `Bearer ${key}` },
  })
})
