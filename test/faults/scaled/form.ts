/**
 * Fault tests have two forms: a short one that `npm test` runs, and a long one for `npm run test:faults` and `npm run soak`. Both assert
 * the same; the long one has more jobs, processes and kills.
 */
export const isLong = process.env.REELPILOT_FAULTS === 'long'

export const inForm = <Value>(short: Value, long: Value): Value => (isLong ? long : short)
