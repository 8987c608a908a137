-- The jobs whose clips are still needed: those that have clips, and whose video is not stored and checked. Without it, each job that ends
-- reads all jobs of its organization to find out which of its clips another one needs.
create index machine_instance_clips on machine_instance (organization_id)
  where machine = 'job' and tag <> 'final' and context->>'ending' is null and context->'checked' is distinct from 'true'
    and context->'clips' <> '[]';
