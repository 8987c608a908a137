import { parse } from 'lossless-json'
import { exceedsDepth, maxResponseDepth } from '../json-limit.ts'

/**
 * Parses JSON without rounding integers: an integer that a double cannot represent becomes a string.
 *
 * Post ids are 19-digit numbers; `JSON.parse` turns 7678907398077074696 into 7678907398077075000, and the link with that id
 * still answers 200. Throws SyntaxError for invalid JSON and for deep nesting: `lossless-json` and later comparisons recurse
 * once per level.
 */
export function parseExactJson(text: string): unknown {
  if (exceedsDepth(text, maxResponseDepth))
    throw new SyntaxError(`the JSON is nested deeper than ${maxResponseDepth} levels`)
  return parse(text, undefined, exactNumber)
}

function exactNumber(digits: string): number | string {
  const value = Number(digits)
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? digits : value
}
