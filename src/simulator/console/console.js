// A form names its request: `data-send="POST posts/takedown"`. Its named inputs become one JSON object, in which a dot in a
// name nests. Empty inputs are omitted unless `data-empty` gives their value.

const toast = document.querySelector('.toast')

function inputValue(input) {
  if (input.type === 'checkbox') return input.checked
  if (input.value === '') return input.dataset.empty === 'null' ? null : undefined
  if (input.type === 'number' || input.dataset.as === 'number') return Number(input.value)
  return input.dataset.as === 'json' ? JSON.parse(input.value) : input.value
}

function bodyOf(form) {
  const body = {}
  for (const input of form.elements) {
    if (!input.name || input.matches('fieldset, :disabled')) continue
    const value = inputValue(input)
    if (value === undefined) continue
    const path = input.name.split('.')
    const last = path.pop()
    const parent = path.reduce((at, key) => {
      at[key] ??= {}
      return at[key]
    }, body)
    parent[last] = value
  }
  return body
}

async function send(form) {
  const [method, name] = form.dataset.send.split(' ')
  const response = await fetch(`/__local/${name}`, { method, body: JSON.stringify(bodyOf(form)) })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error)
}

async function refresh() {
  const text = await (await fetch('/__local/')).text()
  const fresh = new DOMParser().parseFromString(text, 'text/html')
  for (const section of document.querySelectorAll('[data-live]')) {
    // A person is using an input in this section.
    if (section.contains(document.activeElement)) continue
    const next = fresh.getElementById(section.id)
    if (section.innerHTML !== next.innerHTML) section.innerHTML = next.innerHTML
  }
  for (const setting of document.querySelectorAll('.setting')) {
    const next = fresh.getElementById(setting.elements[0].id)
    setting.classList.toggle('changed', next.form.classList.contains('changed'))
  }
}

/** Shows the inputs of the chosen option and disables the others, so that they are not sent. */
function updateVisibility(form) {
  for (const group of form.querySelectorAll('[data-when]')) {
    const [name, value] = group.dataset.when.split('=')
    const choice = form.querySelector(`[name="${name}"], [data-choice="${name}"]`)
    group.hidden = group.disabled = choice.value !== value
  }
}

async function submit(form) {
  try {
    await send(form)
    toast.hidden = true
    document.activeElement?.blur()
    await refresh()
  } catch (error) {
    toast.textContent = error.message
    toast.hidden = false
  }
}

document.addEventListener('submit', (event) => {
  event.preventDefault()
  submit(event.target)
})
document.addEventListener('change', ({ target: { form } }) => {
  if (!form) return
  updateVisibility(form)
  if ('atOnce' in form.dataset) submit(form)
})
for (const form of document.forms) updateVisibility(form)
setInterval(() => document.hidden || refresh().catch(() => {}), 2000)
