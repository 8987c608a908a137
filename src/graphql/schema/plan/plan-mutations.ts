import { applyPlanAction, type PlanAction } from '../../../commands/plan/apply-plan-action.ts'
import type { QuotaForecast as QuotaForecastRecord } from '../../../commands/quota/forecast-quota.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import type { PayloadBuilder } from '../builder.ts'
import { CreatorSettingsViolation, NotPermittedInState, QuotaExceeded } from '../error.ts'
import { QuotaForecast } from '../quota/quota-forecast.ts'
import { Plan, Scan } from '../ref.ts'
import { type HeldJobsPayload, heldJobsFields } from './held-jobs.ts'
import { LatePost, latePostsOf } from './late-post.ts'

const payloadDescription = 'The result of a mutation that changes the state of a plan.'

interface PlanChanged extends HeldJobsPayload {
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
    description:
      'Submits a draft with at least one slot for approval. Starts previews of its storyboards if the plan is rendered before its review, and fails with QUOTA_EXCEEDED if there is too little quota for all of them.',
  },
  {
    name: 'approvePlan',
    event: 'approve',
    description:
      "Approves a plan in review and returns forecasts for its quotas and late posts. If autopilot is on, jobs start for slots due within 24 hours. Fails with CREATOR_SETTINGS_VIOLATION if a slot violates the creator's settings or its media may not be posted.",
  },
  {
    name: 'rejectPlan',
    event: 'reject',
    description:
      'Returns a plan in review to DRAFT and withdraws earlier approvals of its slots. Their jobs are held.',
  },
  {
    name: 'lockPlan',
    event: 'lock',
    description: 'Locks a plan: it cannot be edited, scans skip it, and its jobs are held.',
  },
  {
    name: 'unlockPlan',
    event: 'unlock',
    description:
      'Unlocks a plan and lets its held jobs continue. If it is approved and on autopilot, jobs start for slots due within 24 hours.',
  },
  {
    name: 'archivePlan',
    event: 'archive',
    description:
      'Archives a plan permanently. Its jobs are held, except those in `unstoppableJobs`; cancel jobs that should not remain.',
  },
]

for (const { name, event, description } of planEvents) {
  defineMutation(name, {
    description,
    scope: 'write',
    errors: [
      NotPermittedInState,
      ...(event === 'approve' ? [CreatorSettingsViolation] : []),
      ...(event === 'submit' ? [QuotaExceeded] : []),
    ],
    input: {
      description: `Input of \`${name}\`.`,
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
    'Turns autopilot on or off. Off holds the jobs that a scan started; jobs that a person started continue. On starts jobs for slots due within 24 hours if the plan is approved.',
  scope: 'write',
  errors: [NotPermittedInState],
  input: {
    description: 'Input of `setAutopilot`.',
    ids: { planId: ['Plan'] },
    fields: (t) => ({
      planId: t.id({ required: true, description: 'The plan.' }),
      enabled: t.boolean({ required: true, description: "Whether scans start jobs for the plan's slots." }),
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
      description: 'The plan after the mutation; null if it no longer exists.',
      resolve: ({ planId }, _args, { load }) => load.plan.load(planId),
    }),
    scan: t.field({
      type: Scan,
      nullable: true,
      description: 'The scan that ran with this mutation; null if the plan may not run.',
      resolve: ({ scanId }, _args, { load }) => (scanId === null ? null : load.scan.load(scanId)),
    }),
    quotaForecast: t.field({
      type: [QuotaForecast],
      nullable: true,
      description:
        "The quota forecast for the plan's slots before that scan; null if the mutation did not let the plan run.",
      // An answer that was kept before there were forecasts has none.
      resolve: ({ quotaForecast }) => (quotaForecast ? [...quotaForecast] : null),
    }),
    latePosts: t.field({
      type: [LatePost],
      nullable: true,
      description:
        "The slots that the account's daily cap of posts will delay, counting all approved plans of the account; null if the mutation did not let the plan run.",
      resolve: ({ planId, quotaForecast }, _args, context) =>
        quotaForecast ? latePostsOf(context, planId) : null,
    }),
    ...heldJobsFields(t),
  }
}
