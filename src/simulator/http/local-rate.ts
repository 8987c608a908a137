import type { Rate } from '../record.ts'
import type { Ground } from '../world.ts'

/** The fullest minute of an endpoint that was ever let in, of one account or of one of its tokens. */
export interface LocalRate extends Omit<Rate, 'subject'> {
  /** A username, or the beginning of a token's hash. */
  readonly subject: string
}

export function localRates({ book }: Ground): readonly LocalRate[] {
  return book
    .all('rate')
    .map((rate) => ({ ...rate, subject: book.get('account', rate.subject)?.username ?? rate.subject }))
    .toArray()
}
