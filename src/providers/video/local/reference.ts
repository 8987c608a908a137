import { z } from 'zod'
import type { JsonValue } from '../provider.ts'
import { parseRecipe, type SceneRecipe } from './recipe.ts'

/** A clip's place in the queue of any process that renders it, also after a restart. */
export interface QueuePlace {
  readonly dueAt?: Date
  readonly organizationId?: string
}

const schema = z.strictObject({
  recipe: z.unknown(),
  dueAt: z.iso.datetime().exactOptional(),
  organizationId: z.string().exactOptional(),
})

/** The job's reference, from which any process can render the clip. */
export function referenceOf(recipe: SceneRecipe, { dueAt, organizationId }: QueuePlace): JsonValue {
  return {
    recipe: asJson(recipe),
    ...(dueAt && { dueAt: dueAt.toISOString() }),
    ...(organizationId !== undefined && { organizationId }),
  }
}

/** Parses a stored reference; undefined if it is not of this version. */
export function parseReference(
  value: unknown,
): { readonly recipe: SceneRecipe; readonly place: QueuePlace } | undefined {
  const { data } = schema.safeParse(value)
  const recipe = parseRecipe(data?.recipe)
  if (data === undefined || recipe === undefined) return undefined
  const { dueAt, organizationId } = data
  const place = {
    ...(dueAt !== undefined && { dueAt: new Date(dueAt) }),
    ...(organizationId !== undefined && { organizationId }),
  }
  return { recipe, place }
}

// Spread because an interface has no index signature and so is not assignable to JsonValue.
export const asJson = (recipe: SceneRecipe): JsonValue => ({
  ...recipe,
  size: { ...recipe.size },
  palette: { ...recipe.palette },
})
