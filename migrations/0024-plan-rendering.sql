-- When the videos of a plan are rendered: by the jobs of its slots, after its approval, or by previews when it is submitted for review.
alter table plan
  add column rendering text not null default 'afterApproval' check (rendering in ('afterApproval', 'beforeReview'));
