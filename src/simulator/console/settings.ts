import { z } from 'zod'
import { defaultSettings, type SimulatorSettings, settingGroups, settingsSchema } from '../settings.ts'
import { type Markup, markup } from './markup.ts'

/** Every setting with its description and a fitting input, which is sent when it changes. */
export function settingForms(settings: SimulatorSettings): Markup {
  return markup`<div class="columns">${Object.entries(settingGroups).map(
    ([group, shape]) => markup`<div><h2 class="group">${group}</h2>
${settingNames.filter((name) => name in shape).map((name) => settingForm(name, settings[name]))}</div>`,
  )}</div>`
}

// The schema's keys are the names of the settings.
const settingNames = Object.keys(settingsSchema.shape) as (keyof SimulatorSettings)[]

function settingForm(
  name: keyof SimulatorSettings,
  value: SimulatorSettings[keyof SimulatorSettings],
): Markup {
  const isChanged = JSON.stringify(value) !== JSON.stringify(defaultSettings[name])
  return markup`<form class="setting${isChanged && ' changed'}" data-send="PATCH settings" data-at-once>
<label for="setting-${name}"><b>${name}</b><small>${settingsSchema.shape[name].description}</small></label>
${settingInput(name, value)}</form>`
}

function settingInput(
  name: keyof SimulatorSettings,
  value: SimulatorSettings[keyof SimulatorSettings],
): Markup {
  const schema = settingsSchema.shape[name]
  const { enum: choices } = z.toJSONSchema(schema)
  if (choices) {
    const as = typeof value === 'number' ? 'number' : 'text'
    return markup`<select id="setting-${name}" name="${name}" data-as="${as}">${choices.map(
      (choice) => markup`<option${choice === value && markup` selected`}>${String(choice)}</option>`,
    )}</select>`
  }
  if (typeof value === 'boolean') {
    return markup`<input type="checkbox" id="setting-${name}" name="${name}"${value && markup` checked`}>`
  }
  if (typeof value === 'number' || value === null) {
    const isNullable = schema.safeParse(null).success
    const empty = isNullable && markup` data-empty="null" placeholder="none"`
    return markup`<input type="number" step="any" id="setting-${name}" name="${name}" value="${value ?? ''}"${empty}>`
  }
  return markup`<input id="setting-${name}" name="${name}" data-as="json" value="${JSON.stringify(value)}">`
}
