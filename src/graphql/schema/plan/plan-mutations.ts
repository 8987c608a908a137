import { applyPlanAction, type PlanAction } from '../../../commands/plan/apply-plan-action.ts'
import type { QuotaForecast as QuotaForecastRecord } from '../../../commands/quota/forecast-quota.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import type { PayloadBuilder } from '../builder.ts'
import { CreatorSettingsViolation, NotPermittedInState } from '../error.ts'
import { QuotaForecast } from '../quota/quota-forecast.ts'
import { Plan, Scan } from '../ref.ts'
import { type HoldsShown, heldJobsFields } from './held-jobs.ts'
import { LatePost, latePostsOf } from './late-post.ts'

const payloadDescription = 'The plan that was moved.'

interface PlanChanged extends HoldsShown {
  readonly planId: string
  readonly scanId: string | null
  readonly quotaForecast: readonly QuotaForecastRecord[] | null
}

/** The mutations that send one event to a plan. */
const planEvents: readonly {
  readonly name: string
  readonly event: Exclude<PlanAction['type'], 'setAutopilot'>
  readonly description: string
}[] = [
  {
    name: 'submitPlanForReview',
    event: 'submit',
    description: 'Asks for approval of a draft that has slots.',
  },
  {
    name: 'approvePlan',
    event: 'approve',
    description:
      'Approves a plan as it is, and foretells what the quotas will make of it. If its autopilot is on, slots due within 24 hours start at once.',
  },
  {
    name: 'rejectPlan',
    event: 'reject',
    description:
      'Sends a plan in review back to be written, and takes back what was approved of its slots before: their jobs are held.',
  },
  {
    name: 'lockPlan',
    event: 'lock',
    description: 'Closes a plan to edits and its slots to scans, and holds its jobs.',
  },
  {
    name: 'unlockPlan',
    event: 'unlock',
    description:
      'Opens a locked plan again; what was held goes on. If it is approved and on autopilot, slots due within 24 hours start at once.',
  },
  {
    name: 'archivePlan',
    event: 'archive',
    description:
      'Puts a plan away for good. Its jobs are held, but for those whose post is past stopping: cancel them.',
  },
]

for (const { name, event, description } of planEvents) {
  defineMutation(name, {
    description,
    scope: 'write',
    errors: [NotPermittedInState, ...(event === 'approve' ? [CreatorSettingsViolation] : [])],
    input: {
      description: `The plan for ${name}.`,
      ids: { planId: ['Plan'] },
      fields: (t) => ({
        planId: t.id({ required: true, description: 'The plan.' }),
      }),
    },
    run: (tx, { planId }, { deps, viewer: { organizationId } }) =>
      applyPlanAction(tx, deps, { organizationId, planId, event: { type: event } }),
    payload: { description: payloadDescription, fields: (t) => payloadFields(t) },
  })
}

defineMutation('setAutopilot', {
  description:
    'Turns autopilot on or off. Turned off, it holds the jobs that it has started; those that a person started go on. Turned on for an approved plan, slots due within 24 hours start at once.',
  scope: 'write',
  errors: [NotPermittedInState],
  input: {
    description: 'The plan, and whether scans shall start its jobs.',
    ids: { planId: ['Plan'] },
    fields: (t) => ({
      planId: t.id({ required: true, description: 'The plan.' }),
      enabled: t.boolean({ required: true, description: 'Whether scans shall start jobs for its slots.' }),
    }),
  },
  run: (tx, { planId, enabled }, { deps, viewer: { organizationId } }) =>
    applyPlanAction(tx, deps, { organizationId, planId, event: { type: 'setAutopilot', on: enabled } }),
  payload: { description: payloadDescription, fields: (t) => payloadFields(t) },
})

function payloadFields<Outcome extends PlanChanged>(t: PayloadBuilder<Outcome>) {
  return {
    plan: t.field({
      type: Plan,
      nullable: true,
      description: 'The plan as it is now.',
      resolve: ({ planId }, _args, { load }) => load.plan.load(planId),
    }),
    scan: t.field({
      type: Scan,
      nullable: true,
      description: 'The scan that was made at once; null if the plan may not run.',
      resolve: ({ scanId }, _args, { load }) => (scanId === null ? null : load.scan.load(scanId)),
    }),
    quotaForecast: t.field({
      type: [QuotaForecast],
      nullable: true,
      description:
        'What the quotas will make of its slots, as they were before that scan; null if this did not let them run.',
      // An answer that was kept before there were forecasts has none.
      resolve: ({ quotaForecast }) => (quotaForecast ? [...quotaForecast] : null),
    }),
    latePosts: t.field({
      type: [LatePost],
      nullable: true,
      description:
        "Which of its slots find the daily cap of their creator's posts full at their time, counting the other approved plans of the account; null if this did not let them run.",
      resolve: ({ planId, quotaForecast }, _args, context) =>
        quotaForecast ? latePostsOf(context, planId) : null,
    }),
    ...heldJobsFields(t),
  }
}
