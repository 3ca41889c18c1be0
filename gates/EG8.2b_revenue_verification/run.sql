-- Every run of the tenant, and the task that is its work.
select r.id, r.state, r.run_metadata as metadata, to_json(r.last_run_at) #>> '{}' as ended_at,
       t.name as task, t.queue, t.state as task_state, t.attempts, t.correlation_id, t.args ->> 'run_id' as works_on
  from reconciliation_runs r
  left join tasks t on t.id = r.task_id
 where r.tenant_id = :t::uuid
 order by r.requested_at
