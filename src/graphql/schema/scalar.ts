import { GraphQLScalarType, Kind } from 'graphql'
import { DateTimeResolver, JSONResolver, SafeIntResolver } from 'graphql-scalars'
import { scalarLimit } from '../../json-limit.ts'
import { withinLimit } from '../server/json-input.ts'
import { builder } from './builder.ts'

builder.addScalarType('DateTime', DateTimeResolver, {
  description: 'An instant in ISO 8601 with its offset, such as 2026-03-29T16:30:00.000Z.',
})
builder.addScalarType(
  'JSON',
  new GraphQLScalarType({
    ...JSONResolver.toConfig(),
    description: `Any JSON value. As an input, at most ${scalarLimit.depth} levels deep and of ${scalarLimit.values} values.`,
    parseValue: (value) => withinLimit(value, 'a JSON value', scalarLimit),
    parseLiteral: (node, variables) =>
      withinLimit(JSONResolver.parseLiteral(node, variables), 'a JSON value', scalarLimit),
  }),
)
builder.addScalarType('SafeInt', SafeIntResolver, {
  description: 'A whole number that may exceed 32 bits, but stays exact in JavaScript: at most 2^53 - 1.',
})

/** Text that commands check, not the parser: only so can the answer name the field and all other mistakes with it. */
function text(name: string, description: string): GraphQLScalarType<string, string> {
  const read = (value: unknown) => {
    if (typeof value === 'string') return value
    throw new TypeError(`${name} is written as a string`)
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
  text('TimeZone', 'The name of a zone in the IANA database, such as Europe/Berlin.'),
)
builder.addScalarType(
  'LocalDateTime',
  text(
    'LocalDateTime',
    'A date and a time on the wall, in a zone said elsewhere, such as 2026-03-29T18:30:00.',
  ),
)
