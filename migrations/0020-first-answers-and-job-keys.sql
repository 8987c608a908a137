-- What is done once: a mutation under its idempotency key, whose first answer is kept word for word, and the work of a job
-- under a key of the caller's own.

alter table idempotency_key
  -- The answer as the first request was shown it: the JSON of its field. Null if it holds a secret; then `answer`, which holds
  -- none and says what the command came to, is shown anew.
  add column shown text,
  -- SHA-256 of that request's document and variables: another selection of fields is shown `answer` anew too.
  add column shown_to bytea,
  add check ((shown is null) = (shown_to is null));

-- Addresses that creators connect their accounts by were kept as they are; from now on they are sealed.
set local role reelpilot_runtime;
delete from idempotency_key where answer ? 'authorizeUrl';
reset role;

-- Claims a key for the transaction, and answers no row; or the row of who had it first. Whoever works under it is waited for,
-- but not for long: the limit is this function's own, the locks of what comes after it have none.
create function claim_idempotency_key(of_organization uuid, wanted text, of_input bytea, minutes int)
  returns setof idempotency_key
  language plpgsql set lock_timeout = '2s' as $$
begin
  insert into idempotency_key as held (organization_id, key, fingerprint, expires_at)
  values (of_organization, wanted, of_input, now() + make_interval(mins => minutes))
  on conflict (organization_id, key) do update
     set fingerprint = excluded.fingerprint, answer = null, shown = null, shown_to = null,
         created_at = now(), expires_at = excluded.expires_at
   where held.expires_at < now();
  if not found then
    return query select * from idempotency_key where organization_id = of_organization and key = wanted;
  end if;
end $$;

-- The caller's own name for the work that a job does.
alter table job add column job_key text check (length(job_key) between 1 and 255);
-- While a job with it is unfinished there is no second one. Published, delivered and taken down a job rests, but its work is
-- done; none of these states leads back to work.
create unique index job_of_key on job (organization_id, job_key)
  where job_key is not null and tag <> 'final' and state not in ('published', 'delivered', 'takenDown');
