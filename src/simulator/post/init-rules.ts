import { privacyOptions } from '../account.ts'
import type { SimulatorContext } from '../context.ts'
import { type Reply, refuse } from '../http/reply.ts'
import type { Account } from '../record.ts'
import { directPostViolation, draftViolation } from './creator-rules.ts'

const guidelines = 'https://developers.tiktok.com/doc/content-sharing-guidelines/'

/** The refusal of a direct post, checked in this order: creator, caps, privacy level, audit. */
export function directRefusal(
  context: SimulatorContext,
  account: Account,
  privacyLevel: string,
): Reply | undefined {
  const now = context.now()
  const code = directPostViolation(context, account)
  if (code) return refuse(403, code, 'The creator can not post now.', now)
  if (!privacyOptions(account).includes(privacyLevel)) {
    return refuse(403, 'privacy_level_option_mismatch', 'privacy_level is not among the options.', now)
  }
  // SELF_ONLY does not suffice for an unaudited app: the account must be private, too.
  if (!context.settings().audited && (!account.private || privacyLevel !== 'SELF_ONLY')) {
    const text = `Please review our integration guidelines at ${guidelines}`
    return refuse(403, 'unaudited_client_can_only_post_to_private_accounts', text, now)
  }
  return undefined
}

/** The refusal of a draft, checked in this order: creator, pending drafts. */
export function draftRefusal(context: SimulatorContext, account: Account): Reply | undefined {
  const code = draftViolation(context, account)
  return code ? refuse(403, code, 'The creator can not get drafts now.', context.now()) : undefined
}
