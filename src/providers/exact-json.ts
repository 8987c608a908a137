import { parse } from 'lossless-json'
import { exceedsDepth, maxResponseDepth } from '../json-limit.ts'

/**
 * JSON whose integers keep every digit: what a double would round arrives as text, all other numbers as numbers.
 *
 * Post ids are bare 19-digit numbers; `JSON.parse` turns 7678907398077074696 into 7678907398077075000, and the link made
 * of it still answers 200. Throws SyntaxError for what is not JSON, and for what is nested too deeply:
 * `lossless-json` calls itself for each level, and so does whoever compares what it read.
 */
export function parseExactJson(text: string): unknown {
  if (exceedsDepth(text, maxResponseDepth))
    throw new SyntaxError(`it is nested deeper than ${maxResponseDepth} levels`)
  return parse(text, undefined, exactNumber)
}

function exactNumber(digits: string): number | string {
  const value = Number(digits)
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? digits : value
}
