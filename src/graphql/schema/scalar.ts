import { GraphQLScalarType, Kind } from 'graphql'
import { DateTimeResolver, JSONResolver, SafeIntResolver } from 'graphql-scalars'
import { scalarLimit } from '../../json-limit.ts'
import { withinLimit } from '../server/json-input.ts'
import { builder } from './builder.ts'

builder.addScalarType('DateTime', DateTimeResolver, {
  description: 'An instant in ISO 8601 with its offset, such as `2026-03-29T16:30:00.000Z`.',
})
builder.addScalarType(
  'JSON',
  new GraphQLScalarType({
    ...JSONResolver.toConfig(),
    description: `Any JSON value. As input, at most ${scalarLimit.depth} levels deep and at most ${scalarLimit.values} values.`,
    parseValue: (value) => withinLimit(value, 'a JSON value', scalarLimit),
    parseLiteral: (node, variables) =>
      withinLimit(JSONResolver.parseLiteral(node, variables), 'a JSON value', scalarLimit),
  }),
)
builder.addScalarType('SafeInt', SafeIntResolver, {
  description: 'An integer that may exceed 32 bits but is exact in JavaScript: from -(2^53 - 1) to 2^53 - 1.',
})

/** A string that commands validate, so that the error can list all mistakes of the input with their fields. */
function text(name: string, description: string): GraphQLScalarType<string, string> {
  const read = (value: unknown) => {
    if (typeof value === 'string') return value
    throw new TypeError(`${name} must be a string`)
  }
  return new GraphQLScalarType({
    name,
    description,
    serialize: read,
    parseValue: read,
    parseLiteral: (node) => read(node.kind === Kind.STRING ? node.value : undefined),
  })
}

builder.addScalarType(
  'TimeZone',
  text('TimeZone', 'The name of a time zone in the IANA database, such as Europe/Berlin.'),
)
builder.addScalarType(
  'LocalDateTime',
  text('LocalDateTime', 'A date and a wall-clock time without a time zone, such as 2026-03-29T18:30:00.'),
)
