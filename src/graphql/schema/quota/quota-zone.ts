import { setQuotaZone } from '../../../commands/quota/set-quota-zone.ts'
import { readCalendar } from '../../../store/quota/balances.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import { builder } from '../builder.ts'
import { ownOrganization } from '../organization.ts'
import { Organization } from '../ref.ts'

builder.objectField(Organization, 'timeZone', (t) =>
  t.field({
    type: 'TimeZone',
    description: 'The time zone in which quotas count days and months.',
    resolve: async ({ id }, _args, { read }) => (await read((tx) => readCalendar(tx, id))).timeZone,
  }),
)

defineMutation('setTimeZone', {
  description:
    "Sets the organization's time zone. The current day and month continue until they end in the new zone. Plans have time zones of their own. Requires the admin scope.",
  scope: 'admin',
  input: {
    description: 'Input of `setTimeZone`.',
    fields: (t) => ({
      timeZone: t.field({
        type: 'TimeZone',
        required: true,
        description: 'The time zone in which quotas count days and months.',
      }),
    }),
  },
  run: (tx, { timeZone }, { viewer: { organizationId } }) => setQuotaZone(tx, { organizationId, timeZone }),
  payload: {
    description: 'The result of `setTimeZone`.',
    fields: (t) => ({
      organization: t.field({
        type: Organization,
        description: 'The organization after the mutation.',
        resolve: (_done, _args, context) => ownOrganization(context),
      }),
    }),
  },
})
