import { z } from 'zod'
import { defaultKnobs, type Knobs, knobGroups, knobsSchema } from '../settings.ts'
import { type Markup, markup } from './markup.ts'

/** Every knob with its sentence and an input that fits it, sent as soon as it changes. */
export function knobForms(knobs: Knobs): Markup {
  return markup`<div class="columns">${Object.entries(knobGroups).map(
    ([group, shape]) => markup`<div><h2 class="group">${group}</h2>
${knobNames.filter((name) => name in shape).map((name) => knobForm(name, knobs[name]))}</div>`,
  )}</div>`
}

// The keys of a schema are the names of what it describes.
const knobNames = Object.keys(knobsSchema.shape) as (keyof Knobs)[]

function knobForm(name: keyof Knobs, value: Knobs[keyof Knobs]): Markup {
  const isTurned = JSON.stringify(value) !== JSON.stringify(defaultKnobs[name])
  return markup`<form class="knob${isTurned && ' turned'}" data-send="PATCH knobs" data-at-once>
<label for="knob-${name}"><b>${name}</b><small>${knobsSchema.shape[name].description}</small></label>
${knobInput(name, value)}</form>`
}

function knobInput(name: keyof Knobs, value: Knobs[keyof Knobs]): Markup {
  const schema = knobsSchema.shape[name]
  const { enum: choices } = z.toJSONSchema(schema)
  if (choices) {
    const as = typeof value === 'number' ? 'number' : 'text'
    return markup`<select id="knob-${name}" name="${name}" data-as="${as}">${choices.map(
      (choice) => markup`<option${choice === value && markup` selected`}>${String(choice)}</option>`,
    )}</select>`
  }
  if (typeof value === 'boolean') {
    return markup`<input type="checkbox" id="knob-${name}" name="${name}"${value && markup` checked`}>`
  }
  if (typeof value === 'number' || value === null) {
    const isNullable = schema.safeParse(null).success
    const empty = isNullable && markup` data-empty="null" placeholder="none"`
    return markup`<input type="number" step="any" id="knob-${name}" name="${name}" value="${value ?? ''}"${empty}>`
  }
  return markup`<input id="knob-${name}" name="${name}" data-as="json" value="${JSON.stringify(value)}">`
}
