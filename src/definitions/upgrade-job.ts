import type { Checkpoint, Json } from '../durable/checkpoint.ts'

/**
 * Version 1 knew neither `mayBeLate` nor the approval under which a post was opened. A job in `waitingForAccount` had no
 * timer; it keeps resting until its account is connected.
 */
export function upgradeJobFrom1(old: Checkpoint): Omit<Checkpoint, 'version'> {
  const { context, step } = old
  const lateness = { publishAt: context.publishAt ?? 0, mayBeLate: false }
  return {
    ...old,
    tag: settledStates.has(old.state) ? 'settled' : old.tag,
    context: { ...context, mayBeLate: false, post: withApproval(context.post ?? null) },
    step: step && { ...step, input: isObject(step.input) ? upgradeInput(step.input, lateness) : step.input },
  }
}

/** Version 1 tagged these `resting`. */
const settledStates: ReadonlySet<string> = new Set(['published', 'delivered', 'takenDown'])

/**
 * Version 2 had no media of the library: every job generated its video, an MP4, whose type it did not record.
 */
export function upgradeJobFrom2(old: Checkpoint): Omit<Checkpoint, 'version'> {
  const { context, step } = old
  return {
    ...old,
    context: { ...context, provided: null, media: withType(context.media ?? null) },
    step: step && { ...step, input: isObject(step.input) ? inputFrom2(step.name, step.input) : step.input },
  }
}

function withType(media: Json): Json {
  return isObject(media) ? { ...media, contentType: 'video/mp4' } : media
}

function inputFrom2(step: string, input: JsonObject): JsonObject {
  const { media } = input
  return {
    ...input,
    ...(media !== undefined && { media: withType(media) }),
    ...(step === 'reserveQuota' && { isGenerated: true }),
  }
}

/** Version 3 had no previews: every job posts. */
export function upgradeJobFrom3(old: Checkpoint): Omit<Checkpoint, 'version'> {
  const { context, step } = old
  const purpose = 'post'
  const hasPurpose = step && isObject(step.input) && (step.name === 'reserveQuota' || 'slotId' in step.input)
  return {
    ...old,
    context: { ...context, purpose },
    step: hasPurpose && isObject(step.input) ? { ...step, input: { ...step.input, purpose } } : step,
  }
}

type JsonObject = { readonly [key: string]: Json }

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withApproval(post: Json): Json {
  return isObject(post) ? { ...post, approvedHash: null } : post
}

/** Only steps that work for a slot receive its time. */
function upgradeInput(input: JsonObject, lateness: JsonObject): JsonObject {
  const { slotId, post } = input
  return {
    ...input,
    ...(post !== undefined && { post: withApproval(post) }),
    ...(slotId !== undefined && lateness),
  }
}
