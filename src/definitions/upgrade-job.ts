import type { Checkpoint, Json } from '../durable/checkpoint.ts'

/**
 * From version 1, where a sent post was watched in two states of `publishing` and a published job was final. What is
 * new in the context follows from what was there.
 */
export function upgradeJobFrom1(old: Checkpoint): Omit<Checkpoint, 'version'> {
  const { context } = old
  const sentAt = context.sentAt ?? null
  const isPublished = context.ending === 'published'
  const state = renamed[old.state] ?? old.state
  return {
    machine: old.machine,
    state,
    tag: state === 'published' ? 'resting' : old.tag,
    context: {
      ...context,
      audience: 'everyone',
      checked: context.media !== null,
      stage: null,
      watchedSince: sentAt,
      lastWebhookAt: 0,
      visibility: !isPublished ? null : isEmpty(context.publicPostIds) ? 'private' : 'public',
    },
    step: old.step && {
      ...old.step,
      input: withInput(old.step.name, old.step.input, { ...context, sentAt }),
    },
    timers: Object.fromEntries(
      Object.entries(old.timers).map(([id, timer]) => [
        renamedTimer(id),
        { ...timer, event: { ...timer.event, type: renamedTimer(timer.event.type) } },
      ]),
    ),
  }
}

/**
 * From version 3, which did not know whether a person lets a post be late, nor under which approval one was opened. Who waits for
 * an account rested until then: it goes on resting until the account is connected.
 */
export function upgradeJobFrom3(old: Checkpoint): Omit<Checkpoint, 'version'> {
  const { context, step } = old
  const late = { publishAt: context.publishAt ?? 0, mayBeLate: false }
  return {
    ...old,
    context: { ...context, mayBeLate: false, post: withApproval(context.post ?? null) },
    step: step && { ...step, input: isObject(step.input) ? withLate(step.input, late) : step.input },
  }
}

type JsonObject = { readonly [key: string]: Json }

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withApproval(post: Json): Json {
  return isObject(post) ? { ...post, approvedHash: null } : post
}

/** Of the steps only those that work for a slot are told of its time. */
function withLate(input: JsonObject, late: JsonObject): JsonObject {
  const { slotId, post } = input
  return {
    ...input,
    ...(post !== undefined && { post: withApproval(post) }),
    ...(slotId !== undefined && late),
  }
}

const renamed: Readonly<Record<string, string>> = {
  'publishing.confirming': 'watching.accepted',
  'publishing.checkingStatus': 'watching.checking',
}

/** XState names a timer after its delay and its state. */
function renamedTimer(id: string): string {
  return id.replace('.job.publishing.confirming', '.job.watching.accepted')
}

/** Steps that are pending get the input that their newer selves read. */
function withInput(name: string, input: Json, context: Checkpoint['context']): Json {
  const given = typeof input === 'object' && input !== null ? input : {}
  if (name === 'uploadChunk')
    return { ...given, slotId: context.slotId ?? '', accountId: context.accountId ?? '' }
  if (name === 'checkPost') return { ...given, sentAt: context.sentAt ?? 0, polls: context.polls ?? 0 }
  return input
}

function isEmpty(value: Json | undefined): boolean {
  return !Array.isArray(value) || value.length === 0
}
