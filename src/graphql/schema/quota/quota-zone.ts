import { setQuotaZone } from '../../../commands/quota/set-quota-zone.ts'
import { readCalendar } from '../../../store/quota/balances.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import { builder } from '../builder.ts'
import { ownOrganization } from '../organization.ts'
import { Organization } from '../ref.ts'

builder.objectField(Organization, 'timeZone', (t) =>
  t.field({
    type: 'TimeZone',
    description: 'The zone that its quotas count days and months by.',
    resolve: async ({ id }, _args, { read }) => (await read((tx) => readCalendar(tx, id))).timeZone,
  }),
)

defineMutation('setTimeZone', {
  description:
    "Sets the organization's own zone. The present day and month go on as they stand, to the new zone's end. Plans have zones of their own. Takes the admin scope.",
  scope: 'admin',
  input: {
    description: 'Another zone for the organization.',
    fields: (t) => ({
      timeZone: t.field({
        type: 'TimeZone',
        required: true,
        description: 'The zone that its quotas shall count days and months by.',
      }),
    }),
  },
  run: (tx, { timeZone }, { viewer: { organizationId } }) => setQuotaZone(tx, { organizationId, timeZone }),
  payload: {
    description: 'The organization in its zone.',
    fields: (t) => ({
      organization: t.field({
        type: Organization,
        description: 'The organization as it is now.',
        resolve: (_done, _args, context) => ownOrganization(context),
      }),
    }),
  },
})
